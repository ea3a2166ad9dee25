// Runs the batch scripts of deploy/slurm with a real Slurm: an undisturbed job, one whose worker step is cancelled, one that is
// requeued, one whose time runs out, and a sweep. Each must end with the checkpoint of `tandem single`, byte for byte.
//   node scripts/check/slurm.mjs
// Prints a line per job. Starts its own cluster on this machine (scripts/deploy/slurm-cluster.mjs) and installs nothing.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SlurmCluster, whyNoSlurm } from "../deploy/slurm-cluster.mjs";
import { CLI, Command, digestOf, ROOT } from "../faults/processes.mjs";
import { temporaryFolder } from "../faults/temporary-folder.mjs";
import { writeSmallMnist } from "../small-mnist.mjs";

const WORKERS = 3;
const STEPS = 1500;
const JOB_MS = 240_000;
const POLL_MS = 100;

const reason = whyNoSlurm();
if (reason !== undefined) {
  process.stdout.write(`skipped: ${reason}\n`);
  process.exit(0);
}

const folder = temporaryFolder("td-");
const training = {
  data: join(folder, "mnist"),
  validationSize: 0,
  steps: STEPS,
  batchSize: 24,
  network: "sigmoid",
  shards: WORKERS,
  engine: "wasm",
  evalEvery: 0,
  checkpointEvery: 100,
};
const environment = {
  ...Object.fromEntries(
    Object.entries(training).map(([name, value]) => [
      `TANDEM_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
      String(value),
    ]),
  ),
  TANDEM_PROGRAM: CLI,
};
const cluster = new SlurmCluster(join(folder, "slurm"), { nodes: 4, cpusPerNode: 1 });
let isRight = true;

/** @param {string} what @param {string} file @param {string} calm the expected digest */
function report(what, file, calm) {
  const digest = existsSync(file) ? digestOf(file) : "no file";
  if (digest !== calm) isRight = false;
  process.stdout.write(
    `${what.padEnd(34)} ${digest.slice(0, 16)} ${digest === calm ? "the same" : "DIFFERENT"}\n`,
  );
}

/** Digest of the checkpoint of `single`. @param {string} name @param {string[]} more options */
async function calmDigest(name, ...more) {
  const file = join(folder, `${name}.safetensors`);
  const options = Object.entries(training).flatMap(([option, value]) => [
    `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ]);
  const single = new Command(["single", ...options, "--output", file, ...more], { cwd: folder });
  if ((await single.ended).code !== 0) throw new Error(single.stderr);
  return digestOf(file);
}

/** @param {string} script of deploy/slurm @param {string[]} options of sbatch @param {Record<string, string>} [more] */
function submit(script, options, more = {}) {
  const memory = ["--mem-per-cpu=1G", `--output=${folder}/job-%A_%a.log`];
  const file = join(ROOT, "deploy/slurm", script);
  return cluster.submit(file, [...memory, ...options], { ...environment, ...more }, folder);
}

/** @param {string} job @param {number} start of the job, from 0 @returns {{event: string, [field: string]: unknown}[]} */
function eventsOf(job, start) {
  const file = join(folder, "runs", job, `events-${start}.jsonl`);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** Waits until the job has done a number of steps in its first start. @param {string} job @param {number} step */
async function reached(job, step) {
  const deadlineMs = performance.now() + JOB_MS;
  while (
    !eventsOf(job, 0).some((event) => event.event === "step" && Number(event["step"]) >= step)
  ) {
    if (performance.now() > deadlineMs)
      throw new Error(`job ${job} did not make ${step} steps\n${log(job)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** @param {string} job */
function log(job) {
  const file = join(folder, `job-${job}_4294967294.log`);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** @param {string} job */
async function mustComplete(job) {
  const state = await cluster.ended(job, JOB_MS);
  if (state !== "COMPLETED") {
    throw new Error(`job ${job} ended as ${state}\n${log(job)}\n${cluster.output}`);
  }
}

/**
 * Slurm holds a requeued job back for two minutes, in case its node is still ending the first start. A few seconds are enough,
 * but not none: nodes compare whole seconds, so a node refuses a job that starts in the second of its end ("already killed").
 * @param {string} job
 */
async function startAgain(job) {
  const deadlineMs = performance.now() + JOB_MS;
  while ((await cluster.field(job, "JobState")) !== "PENDING") {
    if (performance.now() > deadlineMs) throw new Error(`job ${job} was not requeued`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  await cluster.run("scontrol", "update", `JobId=${job}`, "StartTime=now+4seconds");
}

/** @param {string} job that was requeued and has ended */
function mustHaveResumed(job) {
  const start = eventsOf(job, 1).find(({ event }) => event === "start");
  const step = Number(start?.["step"] ?? 0);
  if (step === 0) throw new Error(`job ${job} did not continue from a checkpoint\n${log(job)}`);
  return step;
}

const checkpointOf = (/** @type {string} */ job) =>
  join(folder, "runs", job, "checkpoint.safetensors");
const tasks = [`--ntasks=${WORKERS + 1}`];

try {
  writeSmallMnist(training.data, { train: 480, t10k: 96 });
  mkdirSync(cluster.folder, { mode: 0o755 });
  const calm = await calmDigest("calm");
  await cluster.start();
  process.stdout.write(
    `${await cluster.run("sbatch", "--version")}, 4 nodes on this machine; ${STEPS} steps, ${WORKERS} workers\n`,
  );
  report("single", join(folder, "calm.safetensors"), calm);

  const undisturbed = await submit("train.sbatch", tasks);
  await mustComplete(undisturbed);
  report("undisturbed job", checkpointOf(undisturbed), calm);

  const cancelled = await submit("train.sbatch", tasks);
  await reached(cancelled, 300);
  await cluster.run("scancel", await cluster.step(cancelled, "worker-2"));
  await mustComplete(cancelled);
  const isLost = eventsOf(cancelled, 0).some(
    ({ event, state, name }) => event === "worker" && state === "left" && name === "worker-2",
  );
  if (!isLost) throw new Error("the cancelled worker did not leave in the middle of the run");
  report("one worker step cancelled", checkpointOf(cancelled), calm);

  const requeued = await submit("train.sbatch", tasks);
  await reached(requeued, 400);
  await cluster.run("scontrol", "requeue", requeued);
  await startAgain(requeued);
  await mustComplete(requeued);
  report(`requeued, from step ${mustHaveResumed(requeued)}`, checkpointOf(requeued), calm);

  const late = await submit("train.sbatch", tasks);
  await reached(late, 400);
  // The signal that --signal sends before the time runs out.
  await cluster.run("scancel", "--batch", "--signal=USR1", late);
  await startAgain(late);
  await mustComplete(late);
  report(`time up, from step ${mustHaveResumed(late)}`, checkpointOf(late), calm);

  const sweep = await submit("sweep.sbatch", ["--array=0-1"], { RATES: "1e-3 2e-3", SEEDS: "7" });
  for (const [index, rate] of ["1e-3", "2e-3"].entries()) {
    await mustComplete(`${sweep}_${index}`);
    const file = join(
      folder,
      "runs",
      `sweep-${sweep}`,
      `rate-${rate}-seed-7/checkpoint.safetensors`,
    );
    const own = await calmDigest(`sweep-${index}`, "--learning-rate", rate, "--seed", "7");
    report(`sweep: rate ${rate}, seed 7`, file, own);
  }
} finally {
  await cluster.stop();
}
process.exit(isRight ? 0 : 1);
