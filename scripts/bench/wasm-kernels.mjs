// Profiles a step of the preset `cnn` with the wasm engine on one thread: the time of each kernel, and of JavaScript.
// node scripts/bench/wasm-kernels.mjs [--batch 50] [--rounds 30] [--json]
// Other load on the machine slows everything down; the fastest round shows best what the code can do.
import { parseArgs } from "node:util";
import { openWasm } from "../../dist/shared/engine/wasm/engine.js";
import { SingleThread } from "../../dist/shared/engine/wasm/executor.js";
import { loadKernels } from "../../dist/shared/engine/wasm/load-kernels.js";
import { median } from "../figures.mjs";
import { stepOfPreset } from "./preset-gradient.mjs";

/** @typedef {import("../../dist/shared/engine/wasm/launch.js").Launch} Launch */

const { values: options } = parseArgs({
  options: {
    batch: { type: "string", default: "50" },
    rounds: { type: "string", default: "30" },
    json: { type: "boolean", default: false },
  },
});
const WARM_UP = 5;
/** Faster kernels are not printed. */
const MIN_MS = 0.1;
const REST = "JavaScript";

class MeasuringThread extends SingleThread {
  /** @type {Map<string, number>} milliseconds of a step, by kernel and number of parts */
  times = new Map();

  /** @override @param {readonly Launch[]} launches @param {number} scratch */
  execute(launches, scratch) {
    for (const launch of launches) {
      const start = performance.now();
      super.execute([launch], scratch);
      const name = `${launch.kernel} (${launch.parts} parts)`;
      this.times.set(name, (this.times.get(name) ?? 0) + performance.now() - start);
    }
  }
}

const kernels = loadKernels();
const thread = new MeasuringThread(kernels);
const step = stepOfPreset(
  openWasm(kernels, () => thread),
  Number(options.batch),
);
/** @type {Map<string, number[]>} */
const rounds = new Map();
for (let round = 0; round < WARM_UP + Number(options.rounds); round++) {
  thread.times.clear();
  const start = performance.now();
  step();
  const whole = performance.now() - start;
  if (round < WARM_UP) continue;
  const inKernels = [...thread.times.values()].reduce((sum, ms) => sum + ms, 0);
  thread.times.set(REST, whole - inKernels);
  for (const [name, ms] of thread.times) {
    rounds.set(name, [...(rounds.get(name) ?? []), ms]);
  }
}

const rows = [...rounds]
  .map(([name, times]) => ({ name, fastestMs: Math.min(...times), medianMs: median(times) }))
  .sort((a, b) => b.fastestMs - a.fastestMs);
const total = rows.reduce((sum, { fastestMs }) => sum + fastestMs, 0);
if (options.json) process.stdout.write(`${JSON.stringify({ rows, rounds: options.rounds })}\n`);
else {
  for (const { name, fastestMs, medianMs } of rows) {
    if (fastestMs < MIN_MS) continue;
    const share = `${((100 * fastestMs) / total).toFixed(1)} %`;
    const times = [fastestMs, medianMs].map((ms) => ms.toFixed(2).padStart(8)).join("");
    console.log(`${name.padEnd(42)}${times} ms${share.padStart(8)}`);
  }
}
