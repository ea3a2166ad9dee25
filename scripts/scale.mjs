// How far a star scales: measures the coordinator's own cost for growing numbers of workers, with workers that answer immediately,
// and extrapolates to more machines with a model.
//   node scripts/scale.mjs [--most 64] [--steps 16] [--points FILE]
// --points reads a table that was printed earlier, and only evaluates the model.
// Uses real sockets on loopback; the workers compute nothing (scale/ready-made.mjs), so a step consists of the coordinator's work
// and the transfer. The model is fitted to the measured points, compared with them, and then evaluated for 10, 100 and 1,000
// machines at 1 and 10 Gbit/s.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { buildNetwork } from "../dist/shared/network/build.js";
import { isFactored } from "../dist/shared/network/gradient-form.js";
import { sizeOf } from "../dist/shared/network/network.js";
import { presetNetwork } from "../dist/shared/network/presets.js";
import { Command, ROOT } from "./faults/processes.mjs";
import { median, spread } from "./figures.mjs";

const { values: options } = parseArgs({
  options: {
    most: { type: "string", default: "64" },
    steps: { type: "string", default: "16" },
    points: { type: "string", default: "" },
    "sample-ms": { type: "string", default: "0.62" },
  },
});
const STEPS = Number(options.steps);
const WARM_UP = 5;
/** Time of a forward and backward pass per sample, on one thread of the machine of docs/performance.md. */
const SAMPLE_MS = Number(options["sample-ms"]);
const TICK_MS = 10;
const run = promisify(execFile);

/** @typedef {"weights" | "updates"} Broadcast */
/** @typedef {{broadcast: Broadcast, workers: number, batch: number}} Shape */
/** @typedef {Shape & {ms: number, cpuMs: number, up: number, down: number}} Point */

/** @param {number | undefined} pid */
function cpuMs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return TICK_MS * (Number(fields[11]) + Number(fields[12]));
}

/** @param {Shape} shape @returns {Promise<Point>} */
async function measureStep({ broadcast, workers, batch }) {
  const folder = mkdtempSync(join(tmpdir(), "tandem-scale-"));
  try {
    /** @type {number[]} */
    const cpu = [];
    const coordinator = new Command(
      [
        ...["coordinator", "--port", "0", "--json", "--broadcast", broadcast],
        ...["--min-workers", `${workers}`, "--batch-size", `${batch}`, "--steps", `${STEPS}`],
        ...["--eval-every", "0", "--checkpoint-every", "0"],
      ],
      {
        cwd: folder,
        onEvent: ({ event, step }) => {
          if (event === "step" && (step === WARM_UP || step === STEPS - 2)) {
            cpu.push(cpuMs(coordinator.child.pid));
          }
        },
      },
    );
    const url = await coordinator.url();
    const readyMade = join(ROOT, "scripts/scale/ready-made.mjs");
    const range = [`${workers}`, `${WARM_UP}`, `${STEPS - 1}`];
    const { stdout } = await run(process.execPath, [readyMade, url, ...range]);
    const { code } = await coordinator.ended;
    if (code !== 0) throw new Error(coordinator.stderr);
    const times = coordinator.events.filter(({ event }) => event === "step").slice(WARM_UP);
    const [before = 0, after = 0] = cpu;
    return {
      ...{ broadcast, workers, batch },
      .../** @type {{up: number, down: number}} */ (JSON.parse(stdout)),
      ms: median(times.map((event) => Number(event["durationMs"]))),
      cpuMs: (after - before) / (STEPS - 2 - WARM_UP),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const network = buildNetwork(presetNetwork("cnn", [28, 28, 1], 10));

/** Bytes sent up and down per worker and step, without headers. @param {Shape} shape */
function bytesOf({ broadcast, workers, batch }) {
  const samples = Math.ceil(batch / workers);
  let [dense, factors, weights] = [0, 0, 0];
  for (const parameter of network.parameters) {
    const [inputs = 0, outputs = 0] = parameter.shape;
    const size = 4 * sizeOf(parameter.shape);
    weights += size;
    if (isFactored(parameter, samples)) factors += 4 * (inputs + outputs);
    else dense += size;
  }
  const statistics = network.statistics.reduce((total, { channels }) => total + 8 * channels, 0);
  // One byte per pixel, and the class as four bytes.
  const ofSamples = (28 * 28 + 4) * samples;
  const others = batch - samples;
  // If the batch's factors are larger than the weights, the weights are sent even with `--broadcast updates`.
  const update = dense + batch * factors < weights ? dense + others * factors : weights;
  return {
    up: dense + statistics + samples * factors,
    down: ofSamples + statistics + (broadcast === "weights" ? weights : update),
  };
}

/** What the coordinator's time depends on: steps, MB received, MB sent. @param {Shape} s */
function costFactors(s) {
  const { up, down } = bytesOf(s);
  return [1, (s.workers * up) / 1e6, (s.workers * down) / 1e6];
}

/** Minimizes the squared relative errors with non-negative costs, by coordinate descent. @param {Point[]} points */
function fitCosts(points) {
  const rows = points.map((point) => costFactors(point).map((factor) => factor / point.cpuMs));
  const costs = (rows[0] ?? []).map(() => 0);
  for (let round = 0; round < 20_000; round++) {
    costs.forEach((_, index) => {
      let [along, across] = [0, 0];
      for (const row of rows) {
        const others = row.reduce((sum, x, k) => sum + (k === index ? 0 : x * (costs[k] ?? 0)), 0);
        along += (row[index] ?? 0) ** 2;
        across += (row[index] ?? 0) * (1 - others);
      }
      costs[index] = Math.max(0, across / along);
    });
  }
  return costs;
}

/** @param {number[]} costs @param {Shape} shape */
const predictMs = (costs, shape) =>
  costFactors(shape).reduce((total, factor, index) => total + factor * (costs[index] ?? 0), 0);

/**
 * Milliseconds of a step on N machines: computation, transfers and the coordinator's work. All transfers share the coordinator's
 * link. At best, transfers and the coordinator's work overlap, so the longer of the two counts.
 * @param {number[]} costs @param {Shape} shape @param {number} gigabits
 */
function stepOn(costs, shape, gigabits) {
  const { up, down } = bytesOf(shape);
  const linkMs = (/** @type {number} */ bytes) => (8 * shape.workers * bytes) / (gigabits * 1e6);
  const compute = SAMPLE_MS * Math.ceil(shape.batch / shape.workers);
  return compute + Math.max(linkMs(up) + linkMs(down), predictMs(costs, shape));
}

/** A ring all-reduce: each machine sends and receives about twice all gradients, however many machines there are. @param {Shape} shape @param {number} gigabits */
function ringOn({ workers, batch }, gigabits) {
  const bytes = 4 * network.parameters.reduce((total, { shape }) => total + sizeOf(shape), 0);
  const moved = (2 * bytes * (workers - 1)) / workers;
  return SAMPLE_MS * Math.ceil(batch / workers) + (8 * moved) / (gigabits * 1e6);
}

/** @type {Point[]} */
const points = [];
const print = (/** @type {(string | number)[]} */ ...cells) =>
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
const head = (/** @type {string[]} */ ...cells) => {
  print(...cells);
  print(...cells.map(() => "---"));
};
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}\n\n`,
);
head(
  "broadcast",
  "workers",
  "batch",
  "ms per step",
  "coordinator's CPU, ms per step",
  "MB up, down per worker",
);
if (options.points !== "") {
  const rows =
    readFileSync(options.points, "utf8").match(/^\| (weights|updates) +\| +\d+ .*$/gm) ?? [];
  for (const row of rows) {
    const [broadcast = "", workers, batch, ms, cpu] = row
      .split("|")
      .slice(1, 6)
      .map((cell) => cell.trim());
    const numbers = { workers: Number(workers), batch: Number(batch), ms: Number(ms) };
    const point = { ...numbers, cpuMs: Number(cpu), up: 0, down: 0 };
    points.push({ broadcast: /** @type {Broadcast} */ (broadcast), ...point });
  }
}
const broadcasts = /** @type {Broadcast[]} */ (options.points === "" ? ["weights", "updates"] : []);
for (const broadcast of broadcasts) {
  for (const batchOf of [() => 128, (/** @type {number} */ workers) => 25 * workers]) {
    for (let workers = 2; workers <= Number(options.most); workers *= 2) {
      const point = await measureStep({ broadcast, workers, batch: batchOf(workers) });
      points.push(point);
      const bytes = `${(point.up / 1e6).toFixed(2)}, ${(point.down / 1e6).toFixed(2)}`;
      print(broadcast, workers, point.batch, point.ms.toFixed(1), point.cpuMs.toFixed(1), bytes);
    }
  }
}

const costs = {
  weights: fitCosts(points.filter(({ broadcast }) => broadcast === "weights")),
  updates: fitCosts(points.filter(({ broadcast }) => broadcast === "updates")),
};
process.stdout.write("\n");
head("coordinator's CPU", "ms per step", "ms per MB in", "ms per MB out", "model to measured");
for (const broadcast of /** @type {Broadcast[]} */ (["weights", "updates"])) {
  const errors = points
    .filter((point) => point.broadcast === broadcast)
    .map((point) => predictMs(costs[broadcast], point) / point.cpuMs);
  print(broadcast, ...costs[broadcast].map((cost) => cost.toFixed(2)), spread(errors, 2));
}
process.stdout.write(
  `\nModel: ms per step with 25 samples per machine, ${SAMPLE_MS} ms per sample\n\n`,
);
head("machines", "link", "weights", "updates", "a ring (DDP), same compute");
for (const workers of [10, 100, 1000]) {
  for (const gigabits of [1, 10]) {
    const shape = (/** @type {Broadcast} */ broadcast) => ({
      broadcast,
      workers,
      batch: 25 * workers,
    });
    print(
      workers,
      `${gigabits} Gbit/s`,
      stepOn(costs.weights, shape("weights"), gigabits).toFixed(0),
      stepOn(costs.updates, shape("updates"), gigabits).toFixed(0),
      ringOn(shape("weights"), gigabits).toFixed(0),
    );
  }
}
