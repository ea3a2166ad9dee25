// Checks a run before anything is started: sizes, input shape, loss, memory and message sizes. Used by the command line and the
// library.
import type { RunConfig } from "../shared/config.js";
import type { DataSource } from "../shared/data/samples.js";
import { TandemError } from "../shared/errors.js";
import { formatShape, quote } from "../shared/network/problem.js";
import { layoutOfRun, type RunLayout } from "../shared/run-layout.js";
import { checkLoss } from "./losses.js";
import { checkMemory } from "./memory-check.js";
import { checkMessages } from "./message-check.js";

export interface RunCheck {
  config: RunConfig;
  data: DataSource;
  /** Whether shards are computed on this machine. */
  computesHere: boolean;
  /** Whether workers are sent anything. */
  hasPort: boolean;
}

/** @throws TandemError with exit code 2, in one sentence that names the option or the layer */
export function checkRun({ config, data, computesHere, hasPort }: RunCheck): void {
  checkSizes(config, data);
  const layout = layoutOfRun(config);
  checkInputs(layout, data);
  checkLoss(layout.network, config.loss, config.data.target);
  checkMemory(layout, computesHere);
  if (hasPort) checkMessages(layout);
}

function checkSizes({ shards, batchSize }: RunConfig, { training, test }: DataSource): void {
  if (shards > batchSize) {
    throw new TandemError(
      "usage",
      `--shards ${shards} is more than the ${batchSize} samples of a batch. Give fewer shards or a larger --batch-size.`,
    );
  }
  if (batchSize > training.count) {
    throw new TandemError(
      "usage",
      `--batch-size ${batchSize} is more than the ${training.count} training samples. Give a smaller batch, or a smaller --validation-size.`,
    );
  }
  if (test.count === 0) {
    throw new TandemError("data-too-small", "The data has no test samples to evaluate on.");
  }
}

function checkInputs({ network }: RunLayout, { inputShape }: DataSource): void {
  const [own, found] = [network.inputShape, inputShape].map(formatShape);
  if (own === found) return;
  throw new TandemError(
    "data-mismatch",
    `The network's input before its layer ${quote(network.layers[0]!.name)} is ${own}, but the data has samples of ${found}. Give data of that shape, or a network with that input.`,
  );
}
