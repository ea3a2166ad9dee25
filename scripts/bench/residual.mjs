// Trains a residual network of eight layers (He et al., 2015, section 4.2, with one block in each of three stages) on MNIST in this
// process. Prints JSON: the median duration of a step in milliseconds.
// node residual.mjs THREADS BATCH STEPS WARM_UP
import { join } from "node:path";
import {
  adam,
  batchNorm,
  conv,
  dense,
  globalAveragePool,
  idx,
  network,
  relu,
  residual,
  train,
} from "../../dist/index.js";
import { temporaryFolder } from "../faults/temporary-folder.mjs";
import { median } from "../figures.mjs";

const [threads = 1, batchSize = 50, steps = 60, warmUp = 20] = process.argv.slice(2).map(Number);

/** Two convolutions and a shortcut; the shortcut has a convolution if the shape changes. */
const block = (/** @type {number} */ filters, /** @type {1 | 2} */ strides) => [
  residual(
    [
      conv(filters, 3, { strides, useBias: false }),
      batchNorm(),
      relu(),
      conv(filters, 3, { useBias: false }),
      batchNorm(),
    ],
    strides === 1 ? [] : [conv(filters, 1, { strides, useBias: false }), batchNorm()],
  ),
  relu(),
];

const run = train({
  network: network(
    [28, 28, 1],
    [
      conv(16, 3, { useBias: false }),
      batchNorm(),
      relu(),
      ...block(16, 1),
      ...block(32, 2),
      ...block(64, 2),
      globalAveragePool(),
      dense(10),
    ],
  ),
  data: await idx(),
  optimizer: adam({ learningRate: 1e-3 }),
  engine: "tensorflow",
  batchSize,
  steps: steps + warmUp,
  threads,
  evalEvery: 0,
  checkpointEvery: 0,
  output: join(temporaryFolder("tandem-residual-"), "checkpoint.safetensors"),
});
/** @type {number[]} */
const times = [];
for await (const event of run) if (event.event === "step") times.push(event.durationMs);
process.stdout.write(JSON.stringify({ step: median(times.slice(warmUp)) }));
