// Where `single`'s time goes, and the rate of the machine's own matrix product. Prints JSON.
// node kernels.mjs THREADS STEPS
// A step is one call into TensorFlow, so a node's time is measured as what a run takes longer when it goes on to that node.
import { aggregated } from "../../dist/coordinator/aggregate.js";
import { loadDataset, mnistFolder, sliced } from "../../dist/shared/data/dataset.js";
import { shardResult } from "../../dist/shared/model/compute.js";
import { Graph } from "../../dist/shared/model/graph.js";
import { initialTensors } from "../../dist/shared/model/initial.js";
import { cnn } from "../../dist/shared/model/network.js";
import { Ops } from "../../dist/shared/model/ops.js";
import { Replica } from "../../dist/shared/model/replica.js";
import { Session } from "../../dist/shared/model/session.js";
import { loadTensorFlow } from "../../dist/shared/model/tensorflow.js";
import { median } from "../figures.mjs";

/** @typedef {import("../../dist/shared/model/session.js").Feed} Feed */

const [threads = 1, steps = 60] = process.argv.slice(2).map(Number);
const BATCH = 50;
const WARM_UP = 10;
const SIDE = 1024;
/** What compute nothing worth measuring by themselves go to the next one's account. */
const UNMEASURED = /^(Placeholder|Const|Shape|Reshape|Cast|.*Variable.*|VarHandleOp)$/;

const tf = loadTensorFlow(threads);

/** @param {() => void} body @param {number} count */
function medianMs(body, count) {
  const times = Array.from({ length: count }, () => {
    const start = performance.now();
    body();
    return performance.now() - start;
  });
  return median(times);
}

function productRate() {
  const graph = new Graph();
  const ops = new Ops(graph, false);
  const [a, b] = [ops.placeholder("a", [SIDE, SIDE]), ops.placeholder("b", [SIDE, SIDE])];
  const fetches = [ops.matMul(a, b)];
  const session = new Session(tf, graph);
  return session.scope((scope) => {
    const values = () =>
      scope.tensor(
        [SIDE, SIDE],
        Float32Array.from({ length: SIDE ** 2 }, () => Math.random() - 0.5),
      );
    /** @type {Feed[]} */
    const feeds = [
      [a, values()],
      [b, values()],
    ];
    const ms = medianMs(() => session.scope((inner) => void inner.run(feeds, fetches)), 40);
    return (2 * SIDE ** 3) / ms / 1e6;
  });
}

const network = cnn({ height: 28, width: 28 }, 10);
const replica = new Replica(tf, network, "with-slots", initialTensors(network, 0), 0);
const { training, image } = loadDataset(mnistFolder(), 0);

function stepMs() {
  let step = 0;
  const one = () => {
    const samples = sliced(training, step * BATCH, (step + 1) * BATCH, image);
    step++;
    const result = shardResult(replica, samples, BATCH, BATCH);
    replica.apply(aggregated([result], replica.populationStatistics()).update, 1e-4);
  };
  for (let count = 0; count < WARM_UP; count++) one();
  return medianMs(one, steps);
}

/** @returns {[string, number][]} */
function nodeTimes() {
  const { session, graph } = replica;
  const { images, labels, sampleWeights, lossScale } = graph.training;
  const nodes = graph.graph.outputs(({ name, op }) => {
    const isTraining = !/^(inference|adam)\//.test(name) && name.includes("/");
    return isTraining && !UNMEASURED.test(op);
  });
  const random = (/** @type {number} */ length) => Float32Array.from({ length }, Math.random);
  return session.scope((scope) => {
    /** @type {Feed[]} */
    const feeds = [
      [images, scope.tensor([BATCH, image.height, image.width, 1], random(BATCH * 784))],
      [labels, scope.tensor([BATCH], new Int32Array(BATCH))],
      [sampleWeights, scope.tensor([1, BATCH], new Float32Array(BATCH).fill(1 / BATCH))],
      [lossScale, scope.tensor([], Float32Array.of(1 / BATCH))],
    ];
    const upTo = nodes.map((_, index) => nodes.slice(0, index + 1));
    /** @type {number[][]} */
    const times = nodes.map(() => []);
    // Round about, so that a slow moment of the machine does not fall on one node alone.
    for (let round = 0; round < WARM_UP + steps / 2; round++) {
      upTo.forEach((fetches, index) => {
        const ms = medianMs(() => session.scope((inner) => void inner.run(feeds, fetches)), 1);
        if (round >= WARM_UP) times[index]?.push(ms);
      });
    }
    let before = 0;
    return nodes.map((output, index) => {
      const upToHere = median(times[index] ?? []);
      const own = upToHere - before;
      before = upToHere;
      return [output.node, own];
    });
  });
}

const gigaflops = productRate();
const kernels = nodeTimes();
const whole = stepMs();
process.stdout.write(
  JSON.stringify({
    gigaflops,
    stepMs: whole,
    kernels: kernels.sort((a, b) => b[1] - a[1]),
  }),
);
