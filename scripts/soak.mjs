// A long run with a fault at regular intervals. Prints what the coordinator holds at the start and at the end.
//   node scripts/soak.mjs [--steps 10000] [--every 20]
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Command, digestOf } from "./faults/processes.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    every: { type: "string", default: "20" },
  },
});
const steps = Number(options.steps);
const folder = temporaryFolder("tandem-soak-");
const output = join(folder, "soak.safetensors");
/** @type {Map<number, {residentMb: number, privateMb: number, files: number, sockets: number}>} */
const held = new Map();
const marks = [steps / 10, steps / 2, steps - 1].map(Math.floor);
let lastStep = -1;

const coordinator = new Command(
  [
    ...["coordinator", "--steps", `${steps}`, "--shards", "2", "--port", "0", "--output", output],
    ...["--eval-every", "1000", "--json"],
  ],
  {
    cwd: folder,
    onEvent: (event) => {
      if (event.event !== "step") return;
      lastStep = Number(event["step"]);
      if (marks.includes(lastStep)) held.set(lastStep, whatIsHeld());
    },
  },
);

function whatIsHeld() {
  const { pid } = coordinator.child;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
  const megabytes = (/** @type {string} */ field) =>
    Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  return {
    residentMb: megabytes("VmRSS"),
    // Only memory of the process itself, without pages of files that the system can drop.
    privateMb: megabytes("RssAnon"),
    files: links.length,
    sockets: links.filter((link) => link.startsWith("socket:")).length,
  };
}

const url = await coordinator.url();
const start = (/** @type {number} */ number) =>
  new Command(["worker", url, "--name", `w${number}`], { cwd: folder });
const workers = [start(0), start(1)];
/** @type {Record<string, number>} */
const counts = {};
let isOver = false;
void coordinator.ended.then(() => (isOver = true));

for (let round = 0; !isOver; round++) {
  await Promise.race([delay(1000 * Number(options.every)), coordinator.ended]);
  if (isOver) break;
  const number = round % 2;
  const worker = workers[number];
  if (!worker) break;
  const kind = ["kill", "freeze", "goodbye", "freeze for good"][round % 4] ?? "kill";
  counts[kind] = (counts[kind] ?? 0) + 1;
  if (kind === "freeze") {
    worker.kill("SIGSTOP");
    await delay(2_000);
    worker.kill("SIGCONT");
    continue;
  }
  if (kind === "freeze for good") {
    worker.kill("SIGSTOP");
    await Promise.race([delay(12_000), coordinator.ended]);
    worker.kill("SIGKILL");
  } else {
    worker.kill(kind === "kill" ? "SIGKILL" : "SIGTERM");
  }
  await worker.ended;
  if (!isOver) workers[number] = start(number);
}
const { code } = await coordinator.ended;
for (const worker of workers) worker.kill("SIGKILL");
const lines = [...held].map(
  ([step, { residentMb, privateMb, files, sockets }]) =>
    `step ${step}: ${residentMb} MB resident, ${privateMb} MB private, ${files} open files, ${sockets} of them sockets`,
);
process.stdout.write(
  `${steps} steps, faults: ${JSON.stringify(counts)}, exit code ${code}\n${lines.join("\n")}\nSHA-256 ${code === 0 ? digestOf(output) : "none"}\n`,
);
process.exit(code === 0 ? 0 : 1);
