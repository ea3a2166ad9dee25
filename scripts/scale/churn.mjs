// Goodput under churn: 16 workers with ready-made answers, one of which dies every 15 s and is replaced by a new one. Periods with
// churn alternate with calm periods.
//   node scripts/scale/churn.mjs [--seconds 300] [--every 15] [--stretch 60] [--workers 16] [--samples 25] [--compute-ms 15]
//     [--broadcast weights|updates] [--seed 1]
//     [--death kill|freeze]   kill: the connection is closed; freeze: the connection stays open, and nothing arrives
// --seconds is the total time with churn, without the calm periods. Each worker is a process; all share this machine, and starting
// one takes processor time from the others.
//
//   goodput       number of steps under churn × duration of a step in the adjacent calm periods / time under churn
//   samples lost  by the final checkpoint, in which each shard counts its uses (ready-made-answers.mjs)
//   bits changed  whether the final checkpoint equals that of an undisturbed run with as many steps and one worker
import { spawn } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Command, digestOf, ROOT } from "../faults/processes.mjs";
import { temporaryFolder } from "../faults/temporary-folder.mjs";
import { spread } from "../figures.mjs";
import { Crew } from "./crew.mjs";
import { goodputOf, lostMs } from "./goodput.mjs";
import { miscountedSamples } from "./ready-made-answers.mjs";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "300" },
    every: { type: "string", default: "15" },
    stretch: { type: "string", default: "60" },
    workers: { type: "string", default: "16" },
    samples: { type: "string", default: "25" },
    "compute-ms": { type: "string", default: "15" },
    broadcast: { type: "string", default: "weights" },
    death: { type: "string", default: "kill" },
    seed: { type: "string", default: "1" },
  },
});
const WORKERS = Number(options.workers);
const BATCH = WORKERS * Number(options.samples);
const EVERY_MS = 1000 * Number(options.every);
const STRETCH_MS = 1000 * Number(options.stretch);
const STRETCHES = Math.ceil((1000 * Number(options.seconds)) / STRETCH_MS);
const WARM_UP = 20;
/** More than the run will reach, as it is interrupted. */
const STEPS = 1_000_000;

const folder = temporaryFolder("tandem-churn-");
const log = (/** @type {string} */ text) => process.stderr.write(`${text}\n`);

/** @param {string} output @param {number} steps @param {(event: import("../faults/processes.mjs").RunEvent) => void} [onEvent] */
function startCoordinator(output, steps, onEvent) {
  const run = ["--batch-size", `${BATCH}`, "--shards", `${WORKERS}`, "--steps", `${steps}`];
  const quiet = ["--eval-every", "0", "--checkpoint-every", "0"];
  const counting = ["--optimizer", "sgd", "--learning-rate", "1"];
  return new Command(
    [
      ...["coordinator", "--port", "0", "--json", "--broadcast", options.broadcast],
      ...[...run, ...quiet, ...counting, "--output", output],
    ],
    { cwd: folder, ...(onEvent ? { onEvent } : {}) },
  );
}

/** When the steps' events arrived, in ms. @type {number[]} */
const ends = [];
/** @type {number[]} */
const stepNumbers = [];
let [sampleCount, backups] = [0, 0];
/** When workers joined, by name. @type {Map<string, number>} */
const joinedAt = new Map();

const output = join(folder, "churn.safetensors");
const coordinator = startCoordinator(output, STEPS, (event) => {
  const now = performance.now();
  if (event.event === "backup") backups++;
  if (event.event === "worker" && event["state"] === "joined") {
    joinedAt.set(String(event["name"]), now);
  }
  if (event.event !== "step") return;
  ends.push(now);
  stepNumbers.push(Number(event["step"]));
  sampleCount += Number(event["sampleCount"]);
});
const url = await coordinator.url();
const crew = new Crew({
  url,
  computeMs: Number(options["compute-ms"]),
  seed: Number(options.seed),
});
process.on("exit", () => {
  crew.end();
  coordinator.kill("SIGKILL");
});

/** @type {{from: number, newcomer: string}[]} */
const deaths = [];
/** @type {import("./goodput.mjs").Stretch[]} */
const calm = [];
/** @type {import("./goodput.mjs").Stretch[]} */
const churn = [];

/** @param {import("./goodput.mjs").Stretch[]} kind @param {boolean} isChurn */
async function passStretch(kind, isChurn) {
  const from = performance.now();
  const to = from + STRETCH_MS;
  for (let next = from + EVERY_MS / 2; isChurn && next < to; next += EVERY_MS) {
    await delay(next - performance.now());
    const diedAt = performance.now();
    const { newcomer } = await crew.replaceOne(options.death === "freeze" ? "freeze" : "kill");
    deaths.push({ from: diedAt, newcomer });
  }
  await delay(to - performance.now());
  kind.push({ from, to });
}

for (let number = 0; number < WORKERS; number++) crew.start();
await coordinator.event(() => joinedAt.size === WORKERS && ends.length >= WARM_UP);
const load = loadavg()[0] ?? NaN;
for (let number = 0; number < STRETCHES; number++) {
  await passStretch(calm, false);
  await passStretch(churn, true);
  log(`${number + 1} of ${STRETCHES} stretches of churn, ${ends.length} steps`);
}
await passStretch(calm, false);
coordinator.kill("SIGTERM");
const { code } = await coordinator.ended;
crew.end();
if (code !== 143) throw new Error(`the coordinator ended with ${code}: ${coordinator.stderr}`);

const steps = stepNumbers.length;
const isEachOnce = stepNumbers.every((step, index) => step === index);
log(`the undisturbed run of ${steps} steps …`);
const reference = join(folder, "reference.safetensors");
const undisturbed = startCoordinator(reference, steps);
const only = spawn(
  process.execPath,
  [join(ROOT, "scripts/scale/ready-made.mjs"), await undisturbed.url(), "1", "0", "1"],
  { stdio: "ignore" },
);
if ((await undisturbed.ended).code !== 0) throw new Error(undisturbed.stderr);
only.kill();

const { goodput, each, noise, calmStepMs, ...counts } = goodputOf(ends, calm, churn);
const disturbances = deaths.map(({ from, newcomer }) => {
  return { from, to: joinedAt.get(newcomer) ?? from };
});
const lost = lostMs(ends, calm, disturbances);
const back = disturbances.map(({ from, to }) => to - from);
const miscounted = miscountedSamples(output);
const isSame = digestOf(output) === digestOf(reference);
const lines = [
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, load at the start ${load.toFixed(1)}`,
  `${WORKERS} workers, ${options.samples} samples and ${options["compute-ms"]} ms each, --broadcast ${options.broadcast}; one ${options.death === "freeze" ? "frozen for good" : "killed"} every ${options.every} s`,
  `deaths               ${deaths.length}`,
  `steps under churn    ${counts.steps} in ${counts.seconds.toFixed(0)} s; a calm step ${calmStepMs.toFixed(0)} ms`,
  `goodput              ${goodput.toFixed(4)}; by stretch ${spread(each, 3)}`,
  `calm to calm         ${spread(noise, 3)}`,
  `lost per death       ${spread(lost, 0)} ms; ${(lost.reduce((sum, ms) => sum + ms, 0) / counts.seconds / 10).toFixed(2)} % of the time of churn`,
  `newcomer joined      ${spread(back, 0)} ms after the death`,
  `backup tasks         ${backups}`,
  `steps done again     ${isEachOnce ? 0 : "some: the numbers of the steps are not in order"}`,
  `samples              ${sampleCount} in ${steps} steps, ${sampleCount - steps * BATCH} too many or too few; by the checkpoint ${miscounted}`,
  `digest               ${digestOf(output)}`,
  isSame ? "the same file as the undisturbed run's" : "NOT the file of the undisturbed run",
];
process.stdout.write(`${lines.join("\n")}\n`);
process.exit(isSame && isEachOnce && miscounted === 0 && sampleCount === steps * BATCH ? 0 : 1);
