// Profiles `single` with the tensorflow engine node by node, and measures the machine's matrix product rate. Prints JSON.
// node kernels.mjs THREADS STEPS
// A step is one call into TensorFlow per gradient bucket, so a node's time is measured as the additional time of a run that also
// computes that node.
import { openEngine } from "../../dist/shared/engine/open-engine.js";
import { GraphBuilder } from "../../dist/shared/graph/builder.js";
import { initialTensors } from "../../dist/shared/network/initial-values.js";
import { TrainingReplica } from "../../dist/shared/replica/training-replica.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";
import { median } from "../figures.mjs";
import { presetConfig } from "./preset-config.mjs";
import { stepOfPreset } from "./preset-gradient.mjs";

/** @typedef {import("../../dist/shared/engine/engine.js").Feed} Feed */

const [threads = 1, steps = 60] = process.argv.slice(2).map(Number);
const BATCH = 50;
const WARM_UP = 10;
const SIDE = 1024;
const IMAGE = [28, 28, 1];
const PIXELS = 28 * 28;
/** Too cheap to be measured; their time is added to the next node's. */
const UNMEASURED = ["placeholder", "constant", "variable", "reshape"];

const engine = openEngine({ name: "tensorflow", threads });
const random = (/** @type {number} */ length) => Float32Array.from({ length }, Math.random);

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
  const builder = new GraphBuilder();
  const sides = [SIDE, SIDE];
  const [a, b] = [builder.placeholder("a", sides), builder.placeholder("b", sides)];
  const fetches = [builder.matMul(a, b)];
  const session = engine.open(builder);
  const ms = session.scope((scope) => {
    const values = () =>
      scope.tensor(
        sides,
        random(SIDE ** 2).map((value) => value - 0.5),
      );
    /** @type {Feed[]} */
    const feeds = [
      [a, values()],
      [b, values()],
    ];
    return medianMs(() => session.scope((inner) => void inner.run(feeds, fetches)), 40);
  });
  session.dispose();
  return (2 * SIDE ** 3) / ms / 1e6;
}

const layout = layoutOfRun(presetConfig({ name: "tensorflow", threads }, BATCH));
const { network, config } = layout;
const replica = new TrainingReplica(layout, engine);
const { graph } = replica;
replica.load(initialTensors(network, config.seed), 0);

function stepMs() {
  const one = stepOfPreset(engine, BATCH);
  for (let count = 0; count < WARM_UP; count++) one();
  return medianMs(one, steps);
}

/** Nodes of the forward and backward pass: [name, milliseconds]. @returns {[string, number][]} */
function nodeTimes() {
  const { session } = replica;
  const { training } = graph;
  const values = graph.graph.nodes
    .filter(({ name, op }) => {
      return !/^(inference|optimizer)\//.test(name) && !UNMEASURED.includes(op.kind);
    })
    .flatMap(({ outputs }) => outputs.filter(({ type }) => type === "float32").slice(0, 1));
  return session.scope((scope) => {
    /** @type {Feed[]} */
    const feeds = [
      [training.inputs, scope.tensor([BATCH, ...IMAGE], random(BATCH * PIXELS))],
      [training.targets, scope.tensor([BATCH], new Int32Array(BATCH))],
      [training.lossScale, scope.tensor([], Float32Array.of(1 / BATCH))],
    ];
    const upTo = values.map((_, index) => values.slice(0, index + 1));
    /** @type {number[][]} */
    const times = values.map(() => []);
    // In turn, so that a slow moment of the machine does not affect a single node.
    for (let round = 0; round < WARM_UP + steps / 2; round++) {
      upTo.forEach((fetches, index) => {
        const ms = medianMs(() => session.scope((inner) => void inner.run(feeds, fetches)), 1);
        if (round >= WARM_UP) times[index]?.push(ms);
      });
    }
    let before = 0;
    return values.map((value, index) => {
      const upToHere = median(times[index] ?? []);
      const own = upToHere - before;
      before = upToHere;
      return [value.node.name, own];
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
