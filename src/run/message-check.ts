// Refuses runs whose messages would be too large for the protocol. Not needed for `single`, which sends none.
import { configText, sampleShapeOf } from "../shared/config.js";
import { TandemError } from "../shared/errors.js";
import { sizeOf } from "../shared/network/network.js";
import { quote } from "../shared/network/problem.js";
import { WORKER_FRAME_LIMITS } from "../shared/protocol/frame.js";
import { maxAnswerBytes } from "../shared/protocol/payloads/answer-bytes.js";
import { MAX_CONFIG_BYTES } from "../shared/protocol/payloads/config.js";
import { sampleBytes } from "../shared/protocol/payloads/samples.js";
import { stateGroup, stateGroupCount } from "../shared/replica/state-layout.js";
import type { RunLayout } from "../shared/run-layout.js";

/** A message is a single buffer on both sides, and Node's functions handle lengths of up to 31 bits. */
const MAX_MESSAGE_BYTES = 2 ** 31 - 2 ** 20;

/** @throws TandemError `too-large` */
export function checkMessages(layout: RunLayout): void {
  const { config, network, largestShard } = layout;
  checkConfig(layout);
  checkParts(layout);
  const samples = sampleBytes(sampleShapeOf(config), largestShard);
  if (samples > MAX_MESSAGE_BYTES) {
    throw new TandemError(
      "too-large",
      `A shard of ${largestShard} samples takes ${samples} bytes, but a message can have at most ${MAX_MESSAGE_BYTES}. Give a smaller --batch-size or more --shards.`,
    );
  }
  const answer = maxAnswerBytes(layout);
  if (answer > MAX_MESSAGE_BYTES) {
    const largest = network.parameters.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape))[0]!;
    throw new TandemError(
      "too-large",
      `The gradients of a shard take ${answer} bytes, most of them for ${quote(largest.name)}, but a message can have at most ${MAX_MESSAGE_BYTES}. Make that layer smaller.`,
    );
  }
}

/** A configuration that is too long consists mostly of names: of layers, or in the data. */
function checkConfig({ config, network }: RunLayout): void {
  const configBytes = Buffer.byteLength(configText(config));
  if (configBytes <= MAX_CONFIG_BYTES) return;
  const dataBytes = Buffer.byteLength(JSON.stringify(config.data));
  if (2 * dataBytes < configBytes) {
    throw new TandemError(
      "too-large",
      `The network's description of ${network.layers.length} layers takes ${configBytes} bytes, but workers accept ${MAX_CONFIG_BYTES}. Give shorter layer names or fewer layers, or train with \`tandem single\`.`,
    );
  }
  throw new TandemError(
    "too-large",
    `The data's names of classes, columns and categories take ${dataBytes} bytes of a configuration of ${configBytes}, but workers accept ${MAX_CONFIG_BYTES}. Give shorter names or fewer columns, or train with \`tandem single\`.`,
  );
}

function checkParts(layout: RunLayout): void {
  const { parts } = WORKER_FRAME_LIMITS;
  const counts = Array.from(
    { length: stateGroupCount(layout) },
    (_, group) => stateGroup(layout, "with-slots", group).length,
  );
  const count = Math.max(...counts);
  if (count <= parts) return;
  throw new TandemError(
    "too-large",
    `The network has ${count} tensors in one message, including its optimizer's, but a message can have at most ${parts}. Give a network with fewer layers or another --optimizer, or train with \`tandem single\`.`,
  );
}
