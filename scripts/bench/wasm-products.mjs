// Measures the wasm engine's products and convolutions on the shapes of the preset `cnn`, compared with the tensorflow engine and
// PyTorch, each on one thread; and the time of a whole gradient.
// node scripts/bench/wasm-products.mjs [--batch 50] [--rounds 15] [--python PYTHON_WITH_TORCH] [--cpu-time] [--json]
// All are measured in turn, so that a slow moment of the machine affects all of them. Rates are those of the fastest round. On a
// machine with other load, --cpu-time counts the processes' own time, which still suffers from shared caches.
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { openTensorFlow } from "../../dist/shared/engine/tensorflow/engine.js";
import { isTensorFlowInstalled } from "../../dist/shared/engine/tensorflow/installation.js";
import { openWasm } from "../../dist/shared/engine/wasm/engine.js";
import { loadKernels } from "../../dist/shared/engine/wasm/load-kernels.js";
import { GraphBuilder } from "../../dist/shared/graph/builder.js";
import { sizeOf } from "../../dist/shared/network/network.js";
import { median } from "../figures.mjs";
import { gradientOfPreset } from "./preset-gradient.mjs";
import { productCases } from "./product-cases.mjs";
import { startTorch } from "./torch-products.mjs";

/** @typedef {import("../../dist/shared/engine/engine.js").Engine} Engine */
/** @typedef {import("./product-cases.mjs").Case} Case */
/** @typedef {() => number | Promise<number>} Measure once, in milliseconds */

const { values: options } = parseArgs({
  options: {
    batch: { type: "string", default: "50" },
    rounds: { type: "string", default: "15" },
    python: { type: "string" },
    "cpu-time": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const [batch, rounds] = [Number(options.batch), Number(options.rounds)];
const WARM_UP = 3;

const isCpuTime = options["cpu-time"];

/** In milliseconds. */
function now() {
  if (!isCpuTime) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** @param {() => void} body */
function timeMs(body) {
  const start = now();
  body();
  return now() - start;
}

/** @param {Engine} engine @param {Case} productCase @returns {Measure} */
function measureOn(engine, { inputs, build }) {
  const graph = new GraphBuilder();
  const variables = inputs.map((shape, index) => graph.variable(`input${index}`, shape));
  const result = build(graph, variables);
  const session = engine.open(graph);
  session.write(
    inputs.map((shape, index) => ({
      name: `input${index}`,
      values: Float32Array.from({ length: sizeOf(shape) }, () => Math.random() - 0.5),
    })),
  );
  return () => timeMs(() => session.scope((scope) => void scope.run([], [result])));
}

const engines = {
  wasm: openWasm(loadKernels()),
  ...(isTensorFlowInstalled() && { tensorflow: openTensorFlow(1) }),
};
const torch = options.python === undefined ? undefined : await startTorch(options.python);

/** @param {Record<string, Measure>} subjects @param {number} count */
async function measureInTurn(subjects, count) {
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = -WARM_UP; round < count; round++) {
    for (const [name, measure] of Object.entries(subjects)) {
      const ms = await measure();
      if (round >= 0) times[name]?.push(ms);
    }
  }
  return times;
}

/** @param {Case} productCase */
async function measureCase(productCase) {
  /** @type {Record<string, Measure>} */
  const subjects = Object.fromEntries(
    Object.entries(engines).map(([name, engine]) => [name, measureOn(engine, productCase)]),
  );
  if (torch) {
    subjects["pytorch"] = async () => {
      const times = [];
      for (const peer of productCase.peers)
        times.push(await torch.measureMs({ ...peer, isCpuTime }));
      return Math.min(...times);
    };
  }
  return measureInTurn(subjects, rounds);
}

/** @param {string} name @param {Record<string, number[]>} times @param {number} [operations] */
function report(name, times, operations) {
  const figures = Object.entries(times).map(([subject, all]) => {
    return {
      subject,
      n: all.length,
      median: median(all),
      min: Math.min(...all),
      max: Math.max(...all),
    };
  });
  if (options.json) {
    console.log(JSON.stringify({ name, batch, operations, milliseconds: figures }));
    return;
  }
  const own = figures[0];
  const columns = figures.map(({ subject, ...ms }) => {
    const time = `${ms.median.toFixed(2)} ms (${ms.min.toFixed(2)}–${ms.max.toFixed(2)})`;
    const rate = operations === undefined ? "" : `, ${(operations / ms.min / 1e6).toFixed(1)} GF/s`;
    const ratio = own && subject !== "wasm" ? `, ×${(ms.min / own.min).toFixed(2)}` : "";
    return `${subject} ${time}${rate}${ratio}`.padEnd(52);
  });
  console.log(`${name.padEnd(16)} ${columns.join("  ")}`);
}

if (!options.json) {
  console.log(
    `${cpus()[0]?.model ?? "?"}, Node ${process.version}, one thread, batch ${batch}, n = ${rounds}${isCpuTime ? ", CPU time" : ""}`,
  );
  if (torch) console.log(`PyTorch ${torch.version}`);
  console.log("median (min–max) of the times; rates and ratios to wasm are of the fastest round");
}
for (const productCase of productCases(batch)) {
  report(productCase.name, await measureCase(productCase), productCase.operations);
}
const gradients = Object.entries(engines).map(([name, engine]) => {
  const compute = gradientOfPreset(engine, batch);
  return /** @type {const} */ ([name, () => timeMs(compute)]);
});
report("a gradient", await measureInTurn(Object.fromEntries(gradients), rounds));
torch?.stop();
