// A classroom: tabs of a real browser with some Web Workers each, 30 workers in total, which are closed, reloaded, left and
// suspended during a run. Prints whether the checkpoint is that of `single`, what the coordinator holds at the start and at the
// end, and what a tab costs.
//   node scripts/classroom.mjs [--steps 300] [--tabs 10] [--cores 3]
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser } from "./browser.mjs";
import { Classroom } from "./classroom/tabs.mjs";
import { Command, digestOf } from "./faults/processes.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";
import { heldBy } from "./classroom/held.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "300" },
    tabs: { type: "string", default: "10" },
    cores: { type: "string", default: "3" },
  },
});
const steps = Number(options.steps);
const tabCount = Number(options.tabs);
const cores = Number(options.cores);
const workerCount = tabCount * cores;
/** The first two tabs stay open throughout, to compare what they hold at the end with a new tab. */
const UNDISTURBED = 2;
/** Large enough that a reopened tab is back before the run ends, even on a fast machine. */
const SHARD_SAMPLES = 16;
/** Least number of steps between two disturbances. */
const EVERY = Math.max(1, Math.floor(steps / 60));
/** Number of tabs that are away at the same time: a disturbance is undone after this many more. */
const MAX_AWAY = 2;
const DISTURBANCES = /** @type {const} */ (["close", "leave", "reload", "sleep"]);
/** In the rest of the run all come back. */
const LAST_DISTURBED = Math.floor(0.5 * steps);

const RUN = [
  ...["--engine", "wasm", "--json", "--network", "sigmoid", "--learning-rate", "1e-3"],
  ...["--batch-size", `${SHARD_SAMPLES * workerCount}`, "--shards", `${workerCount}`],
  ...["--steps", options.steps, "--eval-every", "100"],
];

/** @type {Command[]} */
const commands = [];
process.on("exit", () => {
  for (const command of commands) command.kill("SIGKILL");
});

/** @param {string[]} args @param {(event: import("./faults/processes.mjs").RunEvent) => void} [onEvent] */
function start(args, onEvent) {
  const folder = temporaryFolder("tandem-classroom-");
  const command = new Command(args, { cwd: folder, ...(onEvent && { onEvent }) });
  commands.push(command);
  return { command, folder };
}

/** @param {{command: Command, folder: string}} run */
async function digestAtEnd({ command, folder }) {
  const { code } = await command.ended;
  if (code !== 0) throw new Error(command.stderr);
  return digestOf(join(folder, "checkpoint.safetensors"));
}

const browser = await openBrowser();
try {
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, Chromium ${browser.version()}; preset sigmoid, ${steps} steps of ${SHARD_SAMPLES * workerCount} in ${workerCount} shards; ${tabCount} tabs of ${cores} Web Workers\n`,
  );
  const expected = await digestAtEnd(start(["single", ...RUN]));

  /** @type {Set<string>} */
  const present = new Set();
  /** @type {Record<string, number>} */
  const counts = {};
  const count = (/** @type {string} */ what) => (counts[what] = (counts[what] ?? 0) + 1);
  let lastStep = -1;
  const minWorkers = workerCount - MAX_AWAY * cores;
  const run = start(
    ["coordinator", "--port", "0", "--min-workers", `${minWorkers}`, ...RUN],
    ({ event, name, state, step }) => {
      if (event === "step") lastStep = Number(step);
      if (event === "backup") count("backup tasks");
      if (event !== "worker") return;
      count(`worker ${state}`);
      if (state === "joined") present.add(String(name));
      else present.delete(String(name));
    },
  );
  const coordinator = run.command;
  const url = `${(await coordinator.url()).replace("ws:", "http:")}/join`;
  const stepDone = (/** @type {number} */ step) =>
    coordinator.event((event) => event.event === "step" && Number(event["step"]) >= step);
  const allPresent = () => coordinator.event(() => present.size === workerCount);

  const classroom = new Classroom(browser, url, cores);
  const measure = async () => {
    return {
      held: heldBy(coordinator.child.pid),
      tabs: await classroom.measure(UNDISTURBED),
      atMs: performance.now(),
    };
  };
  const lesson = async () => {
    const names = Array.from({ length: tabCount }, (_, index) => `desk${index + 1}`);
    for (const name of names) await classroom.open(name);
    await Promise.all(names.map((name) => classroom.join(name)));
    await allPresent();
    const before = await measure();
    /** @type {(() => Promise<void>)[]} */
    const away = [];
    for (let turn = 0; lastStep < LAST_DISTURBED; turn++) {
      await stepDone(lastStep + EVERY);
      if (away.length === MAX_AWAY) await away.shift()?.();
      const kind = DISTURBANCES[turn % DISTURBANCES.length] ?? "close";
      const name = names[UNDISTURBED + (turn % (tabCount - UNDISTURBED))] ?? "";
      count(kind);
      away.push(await classroom.disturb(name, kind));
    }
    for (const undo of away) await undo();
    await allPresent();
    return { before, after: await measure() };
  };
  const over = coordinator.ended.then(() => {
    const here = [...present].sort().join(", ");
    throw new Error(`the run was over before all were back. There were ${here}`);
  });
  const { before, after } = await Promise.race([lesson(), over]);
  over.catch(() => undefined);

  const digest = await digestAtEnd(run);
  const times = coordinator.events
    .filter(({ event }) => event === "step")
    .map((event) => Number(event["durationMs"]));
  const total = times.reduce((sum, ms) => sum + ms, 0);
  const write = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
  write(`${expected}  single`);
  write(`${digest}  ${workerCount} workers in tabs`);
  write(`what happened: ${JSON.stringify(counts)}`);
  write(`${(total / times.length).toFixed(1)} ms per step on average`);
  for (const [when, { held, tabs }] of Object.entries({ before, after })) {
    write(
      `${when}: coordinator ${held.privateMb.toFixed(1)} MB private, ${held.sockets} sockets, ${held.files} open files; tabs ${tabs.processes} processes, ${tabs.privateMb.toFixed(1)} MB private in all; the two that were never disturbed ${tabs.undisturbedMb.map((mb) => mb.toFixed(1)).join(" and ")} MB`,
    );
  }
  const perTab = after.tabs.privateMb / after.tabs.processes;
  const seconds = (after.atMs - before.atMs) / 1000;
  const cpuSeconds = after.tabs.undisturbedCpuS.map(
    (cpuS, index) => cpuS - (before.tabs.undisturbedCpuS[index] ?? 0),
  );
  write(
    `per tab: ${perTab.toFixed(1)} MB private, ${((100 * Math.max(...cpuSeconds)) / seconds).toFixed(1)} % of a core`,
  );
  process.exitCode = digest === expected ? 0 : 1;
  write(digest === expected ? "one file" : "the files differ");
} finally {
  for (const command of commands) command.kill("SIGKILL");
  await browser.close();
}
