// The same checkpoint from two kinds of processors: the same run with `single` on this machine's processor and on an arm64
// processor, and with workers of both kinds that come and go, one killed in the middle of a step. Prints the SHA-256 of each
// checkpoint; fails if two differ.
//   node scripts/arm64.mjs [--steps 4] [--small-steps 80]
// The arm64 processor is emulated, which needs Debian's qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross. Its Node
// comes from npm. It computes about 50 million operations per second, so the runs are short and use only MNIST's first images.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fetchNode } from "./ci/fetch-node.mjs";
import { Command, digestOf } from "./faults/processes.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";
import { writeSmallMnist } from "./small-mnist.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "4" },
    "small-steps": { type: "string", default: "80" },
  },
});
const QEMU = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"];
const IMAGES = { train: 1_000, t10k: 20 };
const NETWORKS = [
  { name: "sigmoid", steps: Number(options["small-steps"]), batch: 48 },
  { name: "cnn", steps: Number(options.steps), batch: 8 },
];

const data = join(temporaryFolder("tandem-arm64-"), "data");
writeSmallMnist(data, IMAGES);
const COMMON = [
  ...["--engine", "wasm", "--json", "--data", data, "--validation-size", "0"],
  ...["--shards", "4", "--learning-rate", "1e-3", "--eval-every", "0"],
];
const arm64 = { prefix: QEMU, node: await fetchNode(process.versions.node, "arm64") };

/** @type {Command[]} */
const commands = [];
process.on("exit", () => {
  for (const command of commands) command.kill("SIGKILL");
});

/** @param {string[]} args @param {{prefix?: string[], node?: string}} [machine] */
function start(args, machine = {}) {
  const folder = temporaryFolder("tandem-arm64-");
  const command = new Command(args, { cwd: folder, ...machine });
  commands.push(command);
  return { command, folder };
}

/** @param {{command: Command, folder: string}} run @returns {Promise<string>} digest of its checkpoint */
async function digestAtEnd({ command, folder }) {
  const { code } = await command.ended;
  if (code !== 0) throw new Error(command.stderr);
  return digestOf(join(folder, "checkpoint.safetensors"));
}

/** From the run's log: how many shards of each worker were used. @param {string} folder */
function shardsByWorker(folder) {
  const lines = readFileSync(join(folder, "summary/tandem-run.jsonl"), "utf8").trim().split("\n");
  const last = lines.map((line) => JSON.parse(line)).findLast(({ kind }) => kind === "workers");
  /** @type {{name: string, shards: number}[]} */
  const rows = last.workers;
  return rows.map(({ name, shards }) => `${name} ${shards}`).join(", ");
}

/**
 * First only the arm64 worker, then one of each kind. In the last quarter the arm64 worker is killed in the middle of a step and
 * replaced by another one.
 * @param {string[]} run @param {number} steps
 */
async function together(run, steps) {
  const coordinator = start(["coordinator", "--port", "0", ...run]);
  const url = await coordinator.command.url();
  const stepDone = (/** @type {number} */ step) =>
    coordinator.command.event((event) => event.event === "step" && event["step"] === step);
  const first = start(["worker", url, "--name", "arm64"], arm64).command;
  await stepDone(Math.floor(steps / 4));
  start(["worker", url, "--name", process.arch]);
  await stepDone(Math.floor((3 * steps) / 4));
  first.kill("SIGKILL");
  start(["worker", url, "--name", "arm64-again"], arm64);
  const digest = await digestAtEnd(coordinator);
  return { digest, shards: shardsByWorker(coordinator.folder) };
}

let differing = 0;
/** @param {string} digest @param {string} expected @param {string} what */
function report(digest, expected, what) {
  if (digest !== expected) differing++;
  process.stdout.write(`${digest}  ${what}\n`);
}

const [, qemu = ""] =
  /version (\S+)/.exec(execFileSync(QEMU[0] ?? "", ["--version"], { encoding: "utf8" })) ?? [];
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node} for ${process.arch} and, under qemu ${qemu}, for arm64; ${IMAGES.train} training and ${IMAGES.t10k} test images\n`,
);
for (const { name, steps, batch } of NETWORKS) {
  process.stdout.write(`preset ${name}, ${steps} steps of ${batch} in 4 shards\n`);
  const run = [...COMMON, "--network", name, "--steps", `${steps}`, "--batch-size", `${batch}`];
  const expected = await digestAtEnd(start(["single", ...run]));
  report(expected, expected, `single on ${process.arch}`);
  report(await digestAtEnd(start(["single", ...run], arm64)), expected, "single on arm64");
  const { digest, shards } = await together(run, steps);
  report(digest, expected, `workers of both; arm64 killed and replaced; shards used: ${shards}`);
}
process.stdout.write(
  differing === 0 ? "one file for each network\n" : `${differing} files differ\n`,
);
process.exit(differing === 0 ? 0 : 1);
