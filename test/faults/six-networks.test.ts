// Six networks of different kinds, each with real workers of which one is killed, and each resumed: always the file of a run
// that nothing disturbed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  adam,
  adamw,
  arrays,
  type DataSource,
  type LossChoice,
  momentum,
  train,
  type TrainOptions,
} from "../../src/index.js";
import type { BroadcastKind } from "../../src/shared/config.js";
import { Random } from "../../src/shared/random.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { golden, type GoldenCase, networkOf } from "../golden/fixture.js";
import { temporaryFolder } from "../support/data.js";
import { worker } from "../support/small-run.js";
import { killAll } from "../support/tandem.js";

const STEPS = 24;
const KILLED_AFTER = 8;
const SAMPLE_COUNT = 60;
const OPTIMIZERS = [adam(), momentum(), adamw()];

/** Random samples in the network's input shape. */
function dataFor({ inputShape, outputs, loss }: GoldenCase): DataSource {
  const random = new Random(7, "samples");
  const size = SAMPLE_COUNT * sizeOf(inputShape);
  const inputs =
    inputShape.length === 3
      ? Uint8Array.from({ length: size }, () => random.below(256))
      : Float32Array.from({ length: size }, () => 2 * random.uniform() - 1);
  const hasClasses = loss.kind === "softmax-cross-entropy";
  const targets = hasClasses
    ? Int32Array.from({ length: SAMPLE_COUNT }, (_, index) => index % outputs)
    : Float32Array.from({ length: SAMPLE_COUNT * outputs }, () => random.uniform());
  return arrays({ inputShape, inputs, targets, test: { inputs, targets } });
}

function lossOf({ loss }: GoldenCase): LossChoice {
  const { kind, ...options } = loss;
  return { loss: kind, ...options };
}

const cases = golden.cases.map((each, index) => {
  const broadcast: BroadcastKind = index % 2 === 0 ? "weights" : "updates";
  return [each.name, broadcast, each, OPTIMIZERS[index % 3]!] as const;
});

describe.each(cases)("%s, sent %s", (_name, broadcast, goldenCase, optimizer) => {
  afterEach(killAll);

  const optionsOf = (output: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
    network: networkOf(goldenCase).spec,
    data: dataFor(goldenCase),
    ...{ optimizer, loss: lossOf(goldenCase) },
    ...{ batchSize: 10, shards: 3, steps: STEPS, evalEvery: 10, output },
    ...more,
  });

  test("with a worker killed, and resumed, ends in the file of an undisturbed run", async () => {
    const folder = temporaryFolder();
    const calm = join(folder, "calm.safetensors");
    await train(optionsOf(calm)).result;
    const file = readFileSync(calm);

    const output = join(folder, "killed.safetensors");
    const listen = { host: "127.0.0.1", port: 0, minWorkers: 1 };
    const run = train(optionsOf(output, { listen, broadcast }));
    let workers: ReturnType<typeof worker>[] = [];
    for await (const event of run) {
      if (event.event === "listening") {
        workers = ["one", "two"].map((name) => worker(event.url, "--name", name));
      }
      if (event.event === "step" && event.step === KILLED_AFTER) workers[0]?.kill("SIGKILL");
    }
    expect(readFileSync(output).equals(file)).toBe(true);

    const resumed = join(folder, "resumed.safetensors");
    await train(optionsOf(resumed, { steps: KILLED_AFTER })).result;
    await train(optionsOf(resumed, { resume: resumed })).result;
    expect(readFileSync(resumed).equals(file)).toBe(true);
  });
});
