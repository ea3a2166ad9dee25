// Measures the traffic and the step durations of trees of relays, with real processes behind links of limited rate; compares them
// with the model of tree-model.mjs, and evaluates the model for more machines. Needs root, iproute2 and tc.
//   node scripts/scale/tree.mjs [--trees 2,4,8,16,64,2x2,2x4,2x2x2,4x4,2x2x2x2,8x8,4x4x4] [--rates 1gbit,100mbit] [--steps 6]
//     [--real 2,1x2]       these trees with real workers instead of ready-made answers; "" for none
//     [--most-seconds 90]  skips measurements that would take longer, according to the model
//     [--samples 25] [--compute-ms 15.5]
//     [--points FILE]      reads the measured points from tables that were printed earlier
//     [--plot FILE]        draws points and model, as SVG
// A tree is written as its fan-outs: 8 is a star of 8 workers, 2x4 two relays with 4 workers each. Relays and workers share this
// machine's cores: if hardly any processor time was idle, the cores were the bottleneck and not the links.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { levelsFor, levelsOf, linkOf, ringStepMs, treeStepMs } from "./tree-model.mjs";
import { nodeCountOf, TreeNetwork, workerCountOf } from "./tree-network.mjs";

/** @typedef {import("./tree-plot.mjs").Point} Point */

const { values: options } = parseArgs({
  options: {
    trees: { type: "string", default: "2,4,8,16,64,2x2,2x4,2x2x2,4x4,2x2x2x2,8x8,4x4x4" },
    rates: { type: "string", default: "1gbit,100mbit" },
    real: { type: "string", default: "2,1x2" },
    steps: { type: "string", default: "6" },
    samples: { type: "string", default: "25" },
    "compute-ms": { type: "string", default: "15.5" },
    "most-seconds": { type: "string", default: "90" },
    points: { type: "string", default: "" },
    plot: { type: "string", default: "" },
  },
});
const SAMPLES = Number(options.samples);
const COMPUTE_MS = Number(options["compute-ms"]);
const STEPS = { warmUp: 3, measured: Number(options.steps) };
/** According to the model, the smallest fan-out is the fastest on slow links. */
const FAN_OUT = 2;
/** Link rates of the model's table. */
const GIGABITS = [0.1, 1, 10];

const print = (/** @type {(string | number)[]} */ ...cells) =>
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
const head = (/** @type {string[]} */ ...cells) => {
  print(...cells);
  print(...cells.map(() => "---"));
};
const listOf = (/** @type {string} */ text) => text.split(",").filter((item) => item !== "");
const fanOutsOf = (/** @type {string} */ tree) => tree.split("x").map(Number);
const gigabitsOf = (/** @type {string} */ rate) =>
  parseFloat(rate) / (rate.endsWith("mbit") ? 1000 : 1);

/** @param {string} tree @param {string} rate @param {{computeMs: number, ownMs: number}} times */
function predict(tree, rate, { computeMs, ownMs }) {
  const levels = levelsOf(fanOutsOf(tree));
  const [{ children, shards } = { children: 1, shards: 1 }] = levels;
  const { up, down } = linkOf(Array(children).fill(shards), SAMPLES);
  const gigabits = gigabitsOf(rate);
  const ms = treeStepMs({ levels, samples: SAMPLES, computeMs, ownMs, gigabits });
  return { ms, up, down };
}

/** @param {TreeNetwork} network @param {string} tree @param {string} rate @param {boolean} isReal */
function measure(network, tree, rate, isReal) {
  const counts = { samples: SAMPLES, computeMs: COMPUTE_MS, steps: STEPS };
  return network.measure({ fanOuts: fanOutsOf(tree), rate, isReal, ...counts });
}

/** @returns {Promise<{points: Point[], ownMs: number}>} */
async function measureAll() {
  const trees = listOf(options.trees);
  const real = listOf(options.real);
  const places = [
    ...trees.map((tree) => nodeCountOf(fanOutsOf(tree))),
    ...real.map((tree) => nodeCountOf(fanOutsOf(tree)) + workerCountOf(fanOutsOf(tree))),
  ];
  const network = new TreeNetwork(Math.max(2, ...places));
  process.on("exit", () => network.remove());
  // Step durations without limits: the coordinator's own time, and a real worker's.
  const alone = await measure(network, "1", "", false);
  const ownMs = alone.ms - COMPUTE_MS;
  process.stdout.write(`coordinator alone: ${ownMs.toFixed(1)} ms per step\n`);
  const realMs = real.length > 0 ? (await measure(network, "2", "", true)).ms - ownMs : NaN;
  if (real.length > 0)
    process.stdout.write(`two real workers: ${realMs.toFixed(1)} ms of computing\n`);
  process.stdout.write("\n");
  printPointsHead();
  /** @type {Point[]} */
  const points = [];
  for (const rate of listOf(options.rates)) {
    for (const [tree, isReal] of [
      ...real.map((tree) => /** @type {const} */ ([tree, true])),
      ...trees.map((tree) => /** @type {const} */ ([tree, false])),
    ]) {
      const model = predict(tree, rate, { computeMs: isReal ? realMs : COMPUTE_MS, ownMs });
      const seconds = ((STEPS.warmUp + STEPS.measured + 1) * model.ms) / 1000;
      if (seconds > Number(options["most-seconds"])) continue;
      const point = { tree, rate, isReal, ...(await measure(network, tree, rate, isReal)), model };
      points.push(point);
      printPoint(point);
    }
  }
  return { points, ownMs };
}

function printPointsHead() {
  head(
    ...["link", "tree", "workers", "MB up", "model", "MB down", "model"],
    ...["ms per step", "model", "model to measured", "processors idle"],
  );
}

/** @param {Point} point */
function printPoint({ tree, rate, isReal, up, down, ms, idle, model }) {
  print(
    ...[
      rate,
      tree,
      isReal ? `${workerCountOf(fanOutsOf(tree))} real` : workerCountOf(fanOutsOf(tree)),
    ],
    ...[up.toFixed(2), model.up.toFixed(2), down.toFixed(2), model.down.toFixed(2)],
    ...[
      ms.toFixed(0),
      model.ms.toFixed(0),
      (model.ms / ms).toFixed(2),
      `${(100 * idle).toFixed(0)} %`,
    ],
  );
}

/** Parses the rows that `printPoint` printed, with any padding. @param {string} text @returns {{points: Point[], ownMs: number}} */
function readPoints(text) {
  const rows = text.match(/^\| +\d+[mg]bit +\|.*$/gm) ?? [];
  const points = rows.map((row) => {
    const cells = row.split("|").map((cell) => cell.trim());
    const [rate = "", tree = "", workers = ""] = cells.slice(1);
    const [up = NaN, modelUp = NaN, down = NaN, modelDown = NaN, ms = NaN, modelMs = NaN] = cells
      .slice(4, 10)
      .map(Number);
    const idle = parseFloat(cells[11] ?? "") / 100;
    const model = { ms: modelMs, up: modelUp, down: modelDown };
    return { rate, tree, isReal: workers.endsWith("real"), up, down, ms, idle, model };
  });
  return { points, ownMs: Number(/coordinator alone: ([\d.]+) ms/.exec(text)?.[1] ?? NaN) };
}

/** @param {number} ownMs */
function printModel(ownMs) {
  process.stdout.write(
    `\nModel: ms per step, ${SAMPLES} samples and ${COMPUTE_MS} ms per machine, ${ownMs.toFixed(1)} ms of the coordinator\n\n`,
  );
  head(
    "machines",
    "link",
    "star",
    `tree of fan-out ${FAN_OUT}`,
    "a ring, same compute",
    "tree to ring",
  );
  for (const machines of [10, 100, 1000]) {
    for (const gigabits of GIGABITS) {
      const shape = { samples: SAMPLES, computeMs: COMPUTE_MS, ownMs, gigabits };
      const star = treeStepMs({ ...shape, levels: levelsFor(machines, machines) });
      const tree = treeStepMs({ ...shape, levels: levelsFor(machines, FAN_OUT) });
      const ring = ringStepMs({ machines, computeMs: COMPUTE_MS, gigabits });
      const link = gigabits < 1 ? `${1000 * gigabits} Mbit/s` : `${gigabits} Gbit/s`;
      print(
        machines,
        link,
        star.toFixed(0),
        tree.toFixed(0),
        ring.toFixed(0),
        (tree / ring).toFixed(1),
      );
    }
  }
}

process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, load at the start ${loadavg()[0]?.toFixed(1)}; `,
);
const { points, ownMs } =
  options.points === "" ? await measureAll() : readPoints(readFileSync(options.points, "utf8"));
printModel(ownMs);
if (options.plot !== "") {
  // Vega is loaded only if needed.
  const { drawTrees } = await import("./tree-plot.mjs");
  const shape = { samples: SAMPLES, computeMs: COMPUTE_MS, ownMs };
  writeFileSync(options.plot, await drawTrees(points, shape, FAN_OUT));
}
process.exit(0);
