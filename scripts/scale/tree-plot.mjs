// The plot of docs/scale.md: ms per step against the number of machines, for a star, a tree and a ring. Lines are the model, points
// are measurements.
import { drawSvg, light } from "../experiments/plots.mjs";
import { levelsFor, ringStepMs, treeStepMs } from "./tree-model.mjs";

/**
 * @typedef {object} Point
 * @property {string} tree its fan-outs, such as "2x4"
 * @property {string} rate of each link, such as "1gbit"
 * @property {boolean} isReal whether workers computed
 * @property {number} up MB per step
 * @property {number} down
 * @property {number} ms per step
 * @property {number} idle share of the processors' time
 * @property {{ms: number, up: number, down: number}} model
 */

const MACHINES = [2, 3, 4, 6, 8, 10, 16, 32, 64, 100, 200, 400, 700, 1000];
const RATES = [
  { rate: "100mbit", gigabits: 0.1, title: "100 Mbit/s" },
  { rate: "1gbit", gigabits: 1, title: "1 Gbit/s" },
];
/** Below this share of idle processor time, the measuring machine's cores were the bottleneck. */
const IDLE_ENOUGH = 0.15;

/** @param {readonly Point[]} points @param {{samples: number, computeMs: number, ownMs: number}} shape @param {number} fanOut of the tree that the line shows */
export function drawTrees(points, shape, fanOut) {
  const TREE = `tree of relays (line: fan-out ${fanOut})`;
  const lines = RATES.flatMap(({ gigabits, title }) =>
    MACHINES.flatMap((machines) => {
      const step = (/** @type {number} */ fanOut) =>
        treeStepMs({ ...shape, gigabits, levels: levelsFor(machines, fanOut) });
      const ring = ringStepMs({ ...shape, machines, gigabits });
      return [
        { title, machines, kind: "star", ms: step(machines) },
        { title, machines, kind: TREE, ms: step(fanOut) },
        { title, machines, kind: "ring", ms: ring },
      ];
    }),
  );
  const marks = points.map(({ tree, rate, ms, idle }) => ({
    title: RATES.find((known) => known.rate === rate)?.title,
    machines: tree.split("x").reduce((product, count) => product * Number(count), 1),
    kind: tree.includes("x") ? TREE : "star",
    ms,
    limit: idle < IDLE_ENOUGH ? "by the cores of one machine" : "by the links",
  }));
  return drawSvg({
    data: { values: [...lines, ...marks] },
    facet: {
      column: {
        field: "title",
        type: "nominal",
        title: null,
        sort: RATES.map(({ title }) => title),
      },
    },
    spec: {
      ...{ width: 300, height: 280 },
      encoding: {
        x: {
          ...{ field: "machines", type: "quantitative", scale: { type: "log", nice: false } },
          axis: { title: "machines", values: [2, 10, 100, 1000], format: "d" },
        },
        y: {
          ...{ field: "ms", type: "quantitative", scale: { type: "log" }, title: "ms per step" },
          axis: { values: [10, 100, 1000, 10_000, 100_000, 1_000_000], format: ",d" },
        },
        color: {
          ...{ field: "kind", type: "nominal", title: null, legend: { orient: "top" } },
          scale: {
            domain: ["star", TREE, "ring"],
            range: [light("plain"), light("normalised"), light("third")],
          },
        },
      },
      layer: [
        { transform: [{ filter: "!isValid(datum.limit)" }], mark: { type: "line" } },
        {
          transform: [{ filter: "isValid(datum.limit)" }],
          mark: { type: "point", size: 40, opacity: 1 },
          encoding: {
            shape: {
              ...{ field: "limit", type: "nominal", title: "measured, limited" },
              scale: {
                domain: ["by the links", "by the cores of one machine"],
                range: ["circle", "cross"],
              },
              legend: { orient: "top", symbolStrokeColor: light("text") },
            },
          },
        },
      ],
    },
  });
}
