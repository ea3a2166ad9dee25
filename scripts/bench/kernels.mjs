// Where `single`'s time goes, kernel by kernel, and the rate of the machine's own matrix product. Prints JSON.
// node kernels.mjs THREADS STEPS
import { aggregated } from "../../dist/coordinator/aggregate.js";
import { loadDataset, mnistFolder, sliced } from "../../dist/shared/data/dataset.js";
import { shardResult } from "../../dist/shared/model/compute.js";
import { initialTensors } from "../../dist/shared/model/initial.js";
import { cnn } from "../../dist/shared/model/network.js";
import { Ops } from "../../dist/shared/model/ops.js";
import { Replica } from "../../dist/shared/model/replica.js";
import { loadTensorFlow } from "../../dist/shared/model/tensorflow.js";
import { median } from "../figures.mjs";

const [threads = 1, steps = 60] = process.argv.slice(2).map(Number);
const BATCH = 50;
const WARM_UP = 10;
const SIDE = 1024;

const tf = loadTensorFlow(threads);
const ops = new Ops(tf);

function productRate() {
  const a = tf.randomNormal([SIDE, SIDE]);
  const b = tf.randomNormal([SIDE, SIDE]);
  const times = Array.from({ length: 40 }, () => {
    const start = performance.now();
    ops.tidy(() => void ops.matMul(/** @type {any} */ (a), /** @type {any} */ (b)));
    return performance.now() - start;
  });
  return (2 * SIDE ** 3) / median(times) / 1e6;
}

const network = cnn({ height: 28, width: 28 }, 10);
const replica = new Replica(ops, network, "with-slots", initialTensors(network, 0), 0);
const { training, image } = loadDataset(mnistFolder(), 0);
/** @type {Map<string, number>} */
const kernels = new Map();
/** @type {number[]} */
const times = [];
const backend = /** @type {any} */ (tf.backend());
const execute = backend.executeMultipleOutputs.bind(backend);
let isCounting = false;
backend.executeMultipleOutputs = (
  /** @type {string} */ name,
  /** @type {unknown} */ attributes,
  /** @type {{shape: number[]}[]} */ inputs,
  /** @type {number} */ outputs,
) => {
  const start = performance.now();
  const result = execute(name, attributes, inputs, outputs);
  const ms = performance.now() - start;
  const what = `${name} [${inputs[0]?.shape.join("×") ?? ""}]`;
  if (isCounting) kernels.set(what, (kernels.get(what) ?? 0) + ms / steps);
  return result;
};
for (let step = 0; step < WARM_UP + steps; step++) {
  isCounting = step >= WARM_UP;
  const samples = sliced(training, step * BATCH, (step + 1) * BATCH, image);
  const start = performance.now();
  const result = shardResult(replica, samples, BATCH, BATCH);
  replica.apply(aggregated([result], replica.populationStatistics()).update, 1e-4);
  if (isCounting) times.push(performance.now() - start);
}
isCounting = false;
process.stdout.write(
  JSON.stringify({
    gigaflops: productRate(),
    stepMs: median(times),
    kernels: [...kernels].sort((a, b) => b[1] - a[1]),
  }),
);
