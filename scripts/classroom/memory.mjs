// Measures the memory of a classroom's coordinator over several thousand steps, to distinguish buffers that fill once from a leak.
// 30 workers answer immediately; every 20 steps a third of them is killed and restarted.
//   node scripts/classroom/memory.mjs [--steps 3000] [--calm]
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Command } from "../faults/processes.mjs";
import { temporaryFolder } from "../faults/temporary-folder.mjs";
import { heldBy } from "./held.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "3000" },
    calm: { type: "boolean", default: false },
  },
});
const steps = Number(options.steps);
const READY_MADE = join(import.meta.dirname, "../scale/ready-made.mjs");
const STAYING = 20;
const LEAVING = 10;
const LEAVE_EVERY = 20;
const ROWS = 15;

/** @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** @param {string} url @param {number} count */
function startWorkers(url, count) {
  const child = spawn(process.execPath, [READY_MADE, url, `${count}`, "0", "1"], {
    stdio: "ignore",
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

let url = "";
/** @type {import("node:child_process").ChildProcess | undefined} */
let leaving;
const coordinator = new Command(
  [
    ...["coordinator", "--port", "0", "--json", "--engine", "wasm", "--network", "sigmoid"],
    ...[
      "--steps",
      `${steps}`,
      "--batch-size",
      "480",
      "--shards",
      "30",
      "--min-workers",
      `${STAYING}`,
    ],
    // The gradients are not real.
    ...["--learning-rate", "1e-6"],
  ],
  {
    cwd: temporaryFolder("tandem-memory-"),
    onEvent: ({ event, step }) => {
      if (event !== "step") return;
      if (Number(step) % Math.ceil(steps / ROWS) === 0) {
        const { privateMb, sockets } = heldBy(coordinator.child.pid);
        process.stdout.write(`| ${step} | ${privateMb.toFixed(0)} | ${sockets} |\n`);
      }
      if (!options.calm && Number(step) % LEAVE_EVERY === LEAVE_EVERY - 1) {
        leaving?.kill("SIGKILL");
        leaving = startWorkers(url, LEAVING);
      }
    },
  },
);
url = await coordinator.url();
process.stdout.write("| step | private memory, MB | sockets |\n| ---: | ---: | ---: |\n");
startWorkers(url, STAYING);
leaving = startWorkers(url, LEAVING);
const { code } = await coordinator.ended;
if (code !== 0) process.stderr.write(coordinator.stderr);
process.exit(code ?? 1);
