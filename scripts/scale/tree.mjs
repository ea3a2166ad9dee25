// What relays save at the coordinator's link: bytes per step, measured with real processes and workers that answer at once, beside
// the model of tree-model.mjs; and what the model says for machines that nobody here has.
//   node scripts/scale/tree.mjs [--workers 16] [--relays 0,1,2,4] [--steps 14] [--samples 25]
// Bytes are the coordinator's own count (/metrics), between two steps; loopback, so they are those of any network.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Command, ROOT } from "../faults/processes.mjs";
import { median } from "../figures.mjs";
import { linkOf, ringStepMs, treeStepMs } from "./tree-model.mjs";

const { values: options } = parseArgs({
  options: {
    workers: { type: "string", default: "16" },
    relays: { type: "string", default: "0,1,2,4" },
    steps: { type: "string", default: "14" },
    samples: { type: "string", default: "25" },
    "sample-ms": { type: "string", default: "0.62" },
  },
});
const WORKERS = Number(options.workers);
const STEPS = Number(options.steps);
const SAMPLES = Number(options.samples);
const WARM_UP = 4;

/** Bytes from and to all peers on their present connections. @param {string} url */
async function bytesAt(url) {
  const text = await (await fetch(`${url.replace("ws", "http")}/metrics`)).text();
  const total = (/** @type {string} */ name) =>
    [...text.matchAll(new RegExp(`^${name}{.*} (\\d+)`, "gm"))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  return { up: total("tandem_worker_received_bytes"), down: total("tandem_worker_sent_bytes") };
}

/** @param {number} relayCount 0: a star */
async function measured(relayCount) {
  const folder = mkdtempSync(join(tmpdir(), "tandem-tree-"));
  const shape = ["--min-workers", `${WORKERS}`, "--shards", `${WORKERS}`];
  const coordinator = new Command(
    [
      ...["coordinator", "--port", "0", "--json", "--broadcast", "weights", ...shape],
      ...["--batch-size", `${WORKERS * SAMPLES}`, "--steps", `${STEPS}`],
      ...["--eval-every", "0", "--checkpoint-every", "0"],
    ],
    { cwd: folder },
  );
  /** @type {Command[]} */
  const relays = [];
  try {
    const url = await coordinator.url();
    for (let number = 0; number < relayCount; number++) {
      relays.push(new Command(["relay", url, "--port", "0", "--json", "--name", `r${number}`]));
    }
    const urls = await Promise.all(relays.map((relay) => relay.url()));
    const readyMade = join(ROOT, "scripts/scale/ready-made.mjs");
    const args = [urls.join(",") || url, `${WORKERS}`, `${WARM_UP}`, `${STEPS - 1}`];
    const workers = spawn(process.execPath, [readyMade, ...args], { stdio: "ignore" });
    const isStep = (/** @type {number} */ step) => (/** @type {{event: string}} */ event) =>
      event.event === "step" && /** @type {{step?: number}} */ (event).step === step;
    await coordinator.event(isStep(WARM_UP));
    const before = await bytesAt(url);
    const from = coordinator.events.filter(({ event }) => event === "step").length;
    await coordinator.event(isStep(STEPS - 2));
    const after = await bytesAt(url);
    const to = coordinator.events.filter(({ event }) => event === "step").length;
    const { code } = await coordinator.ended;
    if (code !== 0) throw new Error(coordinator.stderr);
    workers.kill();
    const times = coordinator.events.filter(({ event }) => event === "step").slice(WARM_UP);
    const perStep = (/** @type {"up" | "down"} */ way) =>
      (after[way] - before[way]) / (to - from) / 1e6;
    return {
      ...{ up: perStep("up"), down: perStep("down") },
      ms: median(times.map((event) => Number(event["durationMs"]))),
    };
  } finally {
    coordinator.kill("SIGKILL");
    for (const relay of relays) relay.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

const print = (/** @type {(string | number)[]} */ ...cells) =>
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
const head = (/** @type {string[]} */ ...cells) => {
  print(...cells);
  print(...cells.map(() => "---"));
};

process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}\n\n`,
);
head("relays", "workers", "MB up, measured", "model", "MB down, measured", "model", "ms per step");
for (const relayCount of options.relays.split(",").map(Number)) {
  const { up, down, ms } = await measured(relayCount);
  const behind = Array(relayCount || WORKERS).fill(relayCount ? WORKERS / relayCount : 1);
  const model = linkOf(behind, SAMPLES);
  print(
    ...[relayCount, WORKERS, up.toFixed(2), model.up.toFixed(2)],
    ...[down.toFixed(2), model.down.toFixed(2), ms.toFixed(0)],
  );
}

const FAN_OUTS = [2, 3, 4, 5, 6, 8, 10, 16];
process.stdout.write(
  `\nModel: ms per step, ${SAMPLES} samples per machine, ${options["sample-ms"]} ms per sample\n\n`,
);
head("machines", "link", "star", "best tree", "its fan-out", "a ring, same compute");
for (const machines of [10, 100, 1000]) {
  for (const gigabits of [0.1, 1, 10]) {
    const shape = { machines, samples: SAMPLES, sampleMs: Number(options["sample-ms"]), gigabits };
    const trees = FAN_OUTS.map((fanOut) => ({ fanOut, ms: treeStepMs({ ...shape, fanOut }) }));
    const best = trees.reduce((least, tree) => (tree.ms < least.ms ? tree : least));
    print(
      ...[machines, `${gigabits} Gbit/s`, treeStepMs({ ...shape, fanOut: machines }).toFixed(0)],
      ...[best.ms.toFixed(0), best.fanOut, ringStepMs(shape).toFixed(0)],
    );
  }
}
