// How fast Tandem is: alone, or (--peers) beside PyTorch, pair by pair in turn.
//   npm run bench [-- --peers] [--rounds 5] [--steps 120] [--only TEXT]
// Where no engine is named, it is the fastest that is installed. Rows of tabs need Chromium.
// The pairs across a network need root and iproute2: two network namespaces joined by a cable of limited rate.
// --peers installs PyTorch (some gigabytes) into Tandem's cache folder; nothing else should run meanwhile.
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { canMakeNamespaces } from "./faults/namespace.mjs";
import { Command, ROOT } from "./faults/processes.mjs";
import { runOnCables } from "./bench/cables.mjs";
import { phasesOfLocal } from "./bench/phases.mjs";
import { tandemRecipe, torchRecipe } from "./bench/recipe.mjs";
import { runInTabs } from "./bench/tabs.mjs";
import { installTorch, torch as runTorch, torchDdp as runDdp } from "./bench/torch-peer.mjs";
import { browserPath } from "./browser.mjs";
import { median, spread } from "./figures.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";

const { values: options } = parseArgs({
  options: {
    peers: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    steps: { type: "string", default: "120" },
    only: { type: "string", default: "" },
  },
});
const rounds = Number(options.rounds);
const steps = Number(options.steps);
const WARM_UP = 20;
/** Of the reference network, forward and backward, by the shapes (docs/performance.md). */
const GIGAFLOP_PER_STEP = 4.15;
const folder = temporaryFolder("tandem-bench-");
const run = promisify(execFile);

/** @param {Command} command the median of its steps, without the first ones */
function stepMs(command) {
  const times = command.events
    .filter(({ event }) => event === "step")
    .map((event) => Number(event["durationMs"]));
  return median(times.slice(WARM_UP));
}

const training = [
  "--steps",
  `${steps + WARM_UP}`,
  "--eval-every",
  "0",
  "--checkpoint-every",
  "0",
  "--json",
];

/** @param {string} threads @param {string[]} engine */
async function singleStep(threads, engine = []) {
  const args = ["single", ...training, "--threads", threads, ...engine];
  const command = new Command(args, { cwd: folder });
  await command.ended;
  return stepMs(command);
}

/** @param {string} threads */
async function residualStep(threads) {
  const script = join(ROOT, "scripts/bench/residual.mjs");
  const numbers = [threads, "50", `${steps}`, `${WARM_UP}`];
  const { stdout } = await run(process.execPath, [script, ...numbers]);
  return /** @type {{step: number}} */ (JSON.parse(stdout)).step;
}

/**
 * From typing the command to the first step's end, and the run's own pace.
 * @param {string} broadcast
 * @param {string[]} more options
 */
async function localStep(broadcast, more = []) {
  const startMs = performance.now();
  let firstStepMs = 0;
  const command = new Command(
    ["local", "--workers", "2", "--broadcast", broadcast, ...more, ...training],
    {
      cwd: folder,
      onEvent: ({ event }) => {
        if (event === "step" && firstStepMs === 0) firstStepMs = performance.now() - startMs;
      },
    },
  );
  await command.ended;
  return { step: stepMs(command), firstStep: firstStepMs };
}

/** @param {string} rate @param {string} broadcast @param {string[]} more options */
async function networkStep(rate, broadcast, more = []) {
  const counts = { steps, warmUp: WARM_UP };
  const run = { rate, broadcast, training: [...training, ...more], folder, counts };
  const { coordinator, ...rest } = await runOnCables(run);
  return { step: stepMs(coordinator), ...rest };
}

/** @param {string} threads */
async function evaluationMs(threads) {
  const args = ["single", "--steps", "12", "--eval-every", "2", "--threads", threads, "--json"];
  const command = new Command(args, { cwd: folder });
  await command.ended;
  // Steps with an evaluation, less those without.
  const times = command.events
    .filter(({ event }) => event === "step")
    .map((event) => Number(event["durationMs"]));
  const of = (/** @type {number} */ rest) =>
    times.filter((_, step) => step > 1 && step % 2 === rest);
  return median(of(0)) - median(of(1));
}

/** @typedef {{gigaflops: number, stepMs: number, kernels: [string, number][]}} Profile */

/** @param {string} threads @returns {Promise<Profile>} */
async function profile(threads) {
  const script = join(ROOT, "scripts/bench/kernels.mjs");
  const { stdout } = await run(process.execPath, [script, threads, "60"]);
  return JSON.parse(stdout);
}

const python = options.peers ? installTorch() : undefined;
const torch = (/** @type {string[]} */ ...args) => runTorch(python ?? "", ...args);
/** @param {string} [rate] of a network between the two */
const torchDdp = (rate) => runDdp(python ?? "", { steps, warmUp: WARM_UP }, rate);

/** @type {{what: string, own: () => Promise<number>, peer?: () => Promise<number>}[]} */
const pairs = [
  {
    what: "single, batch 50, 2 threads, ms per step",
    own: () => singleStep("2"),
    peer: async () => (await torch("single", "2", "50", `${steps}`)).step,
  },
  {
    what: "single, a residual network, batch 50, 2 threads, ms per step",
    own: () => residualStep("2"),
    peer: async () => (await torch("residual", "2", "50", `${steps}`)).step,
  },
  {
    what: "10,000 images inferred, 2 threads, ms",
    own: () => evaluationMs("2"),
    peer: async () => (await torch("evaluate", "2")).evaluate,
  },
  {
    what: "2 workers, loopback, weights, ms per step",
    own: async () => (await localStep("weights")).step,
    peer: () => torchDdp(),
  },
  {
    what: "2 workers, loopback, updates, ms per step",
    own: async () => (await localStep("updates")).step,
    peer: () => torchDdp(),
  },
  {
    what: "2 workers, one of them the coordinator, loopback, updates, ms per step",
    own: async () => (await localStep("updates", ["--coordinator-computes"])).step,
    peer: () => torchDdp(),
  },
  {
    what: "from `local` typed to the first step done, ms",
    own: async () => (await localStep("weights")).firstStep,
  },
];
for (const { name, args, threads, world } of [
  { name: "single, 2 threads", args: ["single", "--threads", "2"], threads: 2, world: 1 },
  { name: "local, 2 workers", args: ["local", "--workers", "2"], threads: 1, world: 2 },
]) {
  const noted = (
    /** @type {string} */ who,
    /** @type {import("./bench/recipe.mjs").Timed} */ timed,
  ) => {
    note(`recipe fast, ${name}, ${who}: test accuracy, %`, 100 * timed.accuracy);
    return timed.seconds;
  };
  pairs.push({
    what: `to 99 % (recipe fast), ${name}, s`,
    own: async () => noted("Tandem", await tandemRecipe(args, folder)),
    peer: async () => noted("PyTorch", await torchRecipe(python ?? "", threads, world)),
  });
}
const WASM = ["--engine", "wasm"];
for (const threads of [1, 2]) {
  pairs.push({
    what: `wasm: single, batch 50, ${threads} thread${threads === 1 ? "" : "s"}, ms per step`,
    own: () => singleStep(`${threads}`, WASM),
    peer: async () => (await torch("single", `${threads}`, "50", `${steps}`)).step,
  });
}
pairs.push({
  what: "wasm: 2 workers, loopback, weights, ms per step",
  own: async () => (await localStep("weights", WASM)).step,
  peer: () => torchDdp(),
});
if (browserPath !== undefined) {
  for (const count of [1, 2, 4]) {
    pairs.push({
      what: `wasm: ${count} tab${count === 1 ? "" : "s"} of Chromium, weights, ms per step`,
      own: async () => stepMs(await runInTabs(count, training, folder)),
    });
  }
}

/** @type {Record<string, number[]>} */
const extras = {};
const note = (/** @type {string} */ name, /** @type {number} */ value) =>
  (extras[name] ??= []).push(value);
/** @param {string} broadcast @param {Record<string, import("./bench/memory.mjs").MemorySampler>} memory by process */
function noteMemory(broadcast, memory) {
  for (const [name, { peakAnonymousMb, peakResidentMb }] of Object.entries(memory)) {
    note(`${broadcast}: ${name}, MB private (RssAnon) at most`, peakAnonymousMb);
    note(`${broadcast}: ${name}, MB resident (VmHWM) at most`, peakResidentMb);
  }
}

if (canMakeNamespaces()) {
  for (const rate of ["1gbit", "100mbit"]) {
    pairs.push({
      what: `2 workers, ${rate}, updates, ms per step`,
      own: async () => {
        const { step, up, down, memory } = await networkStep(rate, "updates");
        note("updates: MB up per worker and step", up);
        note("updates: MB down per worker and step", down);
        noteMemory("updates", memory);
        return step;
      },
      peer: () => torchDdp(rate),
    });
  }
  pairs.push({
    what: "2 workers, 1gbit, weights, ms per step",
    own: async () => {
      const { step, up, down, memory } = await networkStep("1gbit", "weights");
      note("weights: MB up per worker and step", up);
      note("weights: MB down per worker and step", down);
      noteMemory("weights", memory);
      return step;
    },
  });
}

// Batches normalised as a whole, in turn with shards that are normalised by themselves.
for (const rate of ["loopback", ...(canMakeNamespaces() ? ["1gbit"] : [])]) {
  for (const broadcast of ["weights", "updates"]) {
    const what = `2 workers, ${rate}, ${broadcast}, ms per step`;
    const step = async (/** @type {string} */ kind) => {
      const more = ["--batch-norm", kind];
      const isLocal = rate === "loopback";
      return (await (isLocal ? localStep(broadcast, more) : networkStep(rate, broadcast, more)))
        .step;
    };
    pairs.push({
      what: `sync: ${what}`,
      own: async () => {
        note(`ghost: ${what}`, await step("ghost"));
        return step("sync");
      },
    });
  }
}

try {
  const torchVersion = python ? (await torch("single", "1", "50", "1")).version : "";
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}${torchVersion ? `, PyTorch ${torchVersion}` : ""}; median (min–max) of ${rounds} rounds\n\n`,
  );
  process.stdout.write(
    python
      ? "| what | Tandem | PyTorch | ratio |\n| --- | --- | --- | --- |\n"
      : "| what | Tandem |\n| --- | --- |\n",
  );
  for (const { what, own, peer } of pairs.filter((pair) => pair.what.includes(options.only))) {
    /** @type {number[]} */
    const ownTimes = [];
    /** @type {number[]} */
    const peerTimes = [];
    for (let round = 0; round < rounds; round++) {
      ownTimes.push(await own());
      if (python && peer) peerTimes.push(await peer());
    }
    const ratio = peerTimes.length > 0 ? (median(ownTimes) / median(peerTimes)).toFixed(2) : "";
    process.stdout.write(
      python
        ? `| ${what} | ${spread(ownTimes)} | ${spread(peerTimes)} | ${ratio} |\n`
        : `| ${what} | ${spread(ownTimes)} |\n`,
    );
  }
  if (options.only === "") {
    /** @type {Profile[]} */
    const profiles = [];
    for (let round = 0; round < rounds; round++) profiles.push(await profile("2"));
    const shares = profiles.map(
      ({ gigaflops, stepMs }) => GIGAFLOP_PER_STEP / (stepMs / 1000) / gigaflops,
    );
    const last = profiles.at(-1);
    process.stdout.write(
      `\nstep of 50, 2 threads, as a share of the machine's own matrix product (${spread(profiles.map(({ gigaflops }) => gigaflops))} GFLOP/s): ${spread(shares, 2)}\n\n| kernel | ms of ${last?.stepMs.toFixed(1)} |\n| --- | --- |\n`,
    );
    for (const [what, ms] of last?.kernels.slice(0, 20) ?? []) {
      process.stdout.write(`| ${what} | ${ms.toFixed(2)} |\n`);
    }
    process.stdout.write(
      "\n| step of `local --workers 2` | weights, ms | updates, ms |\n| --- | --- | --- |\n",
    );
    const long = training.map((option) => (option === `${steps + WARM_UP}` ? "400" : option));
    const phases = (/** @type {string} */ broadcast) =>
      phasesOfLocal(broadcast, long, folder, WARM_UP);
    const [weights, updates] = [await phases("weights"), await phases("updates")];
    for (const name of Object.keys(weights)) {
      process.stdout.write(
        `| ${name} | ${spread(weights[name] ?? [])} | ${spread(updates[name] ?? [])} |\n`,
      );
    }
  }
  process.stdout.write("\n");
  for (const [name, values] of Object.entries(extras))
    process.stdout.write(`${name}: ${spread(values)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
