// Benchmarks of Tandem, alone or (--peers) in comparison with PyTorch; the two are measured in turn.
//   npm run bench [-- --peers] [--rounds 5] [--steps 120] [--only TEXT]
// Rows that do not name an engine use the fastest one that is installed. Rows with tabs need Chromium.
// Rows across a network need root and iproute2: they use network namespaces, each with a link of limited rate.
// --peers installs PyTorch (some gigabytes) into Tandem's cache folder. The machine should be otherwise idle.
import { rmSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { canMakeNamespaces } from "./faults/namespace.mjs";
import { phasesOfLocal } from "./bench/phases.mjs";
import { tandemRecipe, torchRecipe } from "./bench/recipe.mjs";
import { runInTabs } from "./bench/tabs.mjs";
import { profileSingle, TandemRuns } from "./bench/tandem-runs.mjs";
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
/** Of the reference network's forward and backward pass, computed from its shapes (docs/performance.md). */
const GIGAFLOP_PER_STEP = 4.15;
const folder = temporaryFolder("tandem-bench-");

const training = [
  ...["--steps", `${steps + WARM_UP}`],
  ...["--eval-every", "0", "--checkpoint-every", "0", "--json"],
];
const runs = new TandemRuns({ folder, training, steps, warmUp: WARM_UP });

const python = options.peers ? installTorch() : undefined;
const torch = (/** @type {string[]} */ ...args) => runTorch(python ?? "", ...args);
/** @param {string} [rate] of the link between the two; default: loopback */
const torchDdp = (rate) => runDdp(python ?? "", { steps, warmUp: WARM_UP }, rate);

/** @type {{what: string, own: () => Promise<number>, peer?: () => Promise<number>}[]} */
const pairs = [
  {
    what: "single, batch 50, 2 threads, ms per step",
    own: () => runs.singleStepMs("2"),
    peer: async () => (await torch("single", "2", "50", `${steps}`)).step,
  },
  {
    what: "single, a residual network, batch 50, 2 threads, ms per step",
    own: () => runs.residualStepMs("2"),
    peer: async () => (await torch("residual", "2", "50", `${steps}`)).step,
  },
  {
    what: "10,000 images inferred, 2 threads, ms",
    own: () => runs.evaluationMs("2"),
    peer: async () => (await torch("evaluate", "2")).evaluate,
  },
  {
    what: "2 workers, loopback, weights, ms per step",
    own: async () => (await runs.localStep("weights")).step,
    peer: () => torchDdp(),
  },
  {
    what: "2 workers, loopback, updates, ms per step",
    own: async () => (await runs.localStep("updates")).step,
    peer: () => torchDdp(),
  },
  {
    what: "2 workers, one of them the coordinator, loopback, updates, ms per step",
    own: async () => (await runs.localStep("updates", ["--coordinator-computes"])).step,
    peer: () => torchDdp(),
  },
  {
    what: "from `local` typed to the first step done, ms",
    own: async () => (await runs.localStep("weights")).firstStep,
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
    own: () => runs.singleStepMs(`${threads}`, WASM),
    peer: async () => (await torch("single", `${threads}`, "50", `${steps}`)).step,
  });
}
pairs.push({
  what: "wasm: 2 workers, loopback, weights, ms per step",
  own: async () => (await runs.localStep("weights", WASM)).step,
  peer: () => torchDdp(),
});
if (browserPath !== undefined) {
  for (const count of [1, 2, 4]) {
    pairs.push({
      what: `wasm: ${count} tab${count === 1 ? "" : "s"} of Chromium, weights, ms per step`,
      own: async () => runs.stepMs(await runInTabs(count, training, folder)),
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
        const { step, up, down, memory } = await runs.networkStep(rate, "updates");
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
      const { step, up, down, memory } = await runs.networkStep("1gbit", "weights");
      note("weights: MB up per worker and step", up);
      note("weights: MB down per worker and step", down);
      noteMemory("weights", memory);
      return step;
    },
  });
}

// Synchronised batch normalisation, measured in turn with ghost batch normalisation.
for (const rate of ["loopback", ...(canMakeNamespaces() ? ["1gbit"] : [])]) {
  for (const broadcast of ["weights", "updates"]) {
    const what = `2 workers, ${rate}, ${broadcast}, ms per step`;
    const step = async (/** @type {string} */ kind) => {
      const more = ["--batch-norm", kind];
      const isLocal = rate === "loopback";
      return (
        await (isLocal ? runs.localStep(broadcast, more) : runs.networkStep(rate, broadcast, more))
      ).step;
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
    /** @type {import("./bench/tandem-runs.mjs").Profile[]} */
    const profiles = [];
    for (let round = 0; round < rounds; round++) profiles.push(await profileSingle("2"));
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
