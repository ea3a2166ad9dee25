// Pins the wasm engine's bits: the same in every run, on every machine and with any number of threads. A digest changes only with
// the kernels, the graph or the coordinator's arithmetic. Checkpoints change too then, so the change log must say so.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Engine } from "../../src/shared/engine/engine.js";
import { openWasm } from "../../src/shared/engine/wasm/engine.js";
import { loadKernels } from "../../src/shared/engine/wasm/load-kernels.js";
import { openWasmInNode } from "../../src/shared/engine/wasm/node.js";
import { ThreadPool } from "../../src/shared/engine/wasm/thread-pool.js";
import { golden } from "../golden/fixture.js";
import { trainCase } from "../golden/training.js";
import { configOf } from "../support/config.js";
import { digestTraining } from "../support/training-digest.js";

/** Six networks, with several optimizers, three steps: nearly every op. */
function digestNetworks(engine: Engine): string {
  const hash = createHash("sha256");
  const add = (values: Float32Array | Float64Array) => {
    // The bits of NaN are not specified.
    expect(values.every(Number.isFinite)).toBe(true);
    hash.update(values);
  };
  golden.cases.forEach((goldenCase, index) => {
    const { optimizer, learningRate } = goldenCase.runs[index % goldenCase.runs.length]!;
    const steps = trainCase(engine, goldenCase, optimizer, learningRate, golden.steps);
    for (const { loss, gradients, moments, parameters } of steps) {
      hash.update(Float64Array.of(loss));
      for (const values of [...gradients.values(), ...parameters.values()]) add(values);
      for (const { mean, variance } of moments.values()) [mean, variance].forEach(add);
    }
  });
  return hash.digest("hex");
}

const SMALL = configOf();
const MNIST = configOf({ inputShape: [28, 28, 1], classCount: 10, batchSize: 50, shards: 1 });

const DIGESTS: Record<string, [compute: (engine: Engine) => string, digest: string]> = {
  "fifty steps of a small network": [
    (engine) => digestTraining(engine, SMALL, 50),
    "292fd8b37df0b199d42a085b2d5a9926a3d1ea8a9d7a72346d857320ff2e13a8",
  ],
  "twenty steps of a small network, synchronised": [
    (engine) => digestTraining(engine, configOf({ batchNorm: "sync", shards: 4 }), 20),
    "952ec16a75a419e494bb4217a04ed7e83aa462d0508ae3ffe63f67eef3cc829e",
  ],
  "three steps of the preset cnn": [
    (engine) => digestTraining(engine, MNIST, 3),
    "4208733100852a3655238e9b669a3fefe961d36b889451f7009a6b1bc5cab087",
  ],
  "six networks and optimizers": [
    digestNetworks,
    "0a3acf1dafb3d28feeedb053c98e5a54ca0193b5c1b53031008c5fe5df795161",
  ],
};

test.each(Object.entries(DIGESTS))("%s", (_, [compute, digest]) => {
  expect(compute(openWasmInNode())).toBe(digest);
});

test.each([2, 3])("%i threads that all take part", (threads) => {
  const pools: ThreadPool[] = [];
  const engine = openWasm(loadKernels(), () => {
    const pool = new ThreadPool(threads);
    pools.push(pool);
    expect(pool.work.awaitStart(threads - 1, 30_000)).toBe(true);
    return pool;
  });
  const [compute, digest] = DIGESTS["three steps of the preset cnn"]!;
  expect(compute(engine)).toBe(digest);
  expect(pools.map(({ work }) => work.helpedChunks > 0)).toEqual([true]);
});
