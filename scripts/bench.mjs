// How fast Tandem is: alone, or (--peers) beside PyTorch, pair by pair in turn.
//   npm run bench [-- --peers] [--rounds 5] [--steps 120] [--only TEXT]
// The pairs across a network need root and iproute2: two network namespaces joined by a cable of limited rate.
// --peers installs PyTorch (some gigabytes) into Tandem's cache folder; nothing else should run meanwhile.
import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { cpus, homedir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { canMakeNamespaces, Namespace } from "./faults/namespace.mjs";
import { Command, ROOT } from "./faults/processes.mjs";
import { MemorySampler } from "./bench/memory.mjs";
import { tandemRecipe, torchRecipe } from "./bench/recipe.mjs";
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

/** @param {string} threads */
async function singleStep(threads) {
  const command = new Command(["single", ...training, "--threads", threads], { cwd: folder });
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

/** From typing the command to the first step's end, and the run's own pace.
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

/**
 * A coordinator here and two workers, each on a cable of its own.
 * @param {string} rate @param {string} broadcast
 */
async function networkStep(rate, broadcast) {
  const places = [new Namespace(), new Namespace()];
  try {
    for (const place of places) place.limit(rate, "256k");
    const listen = ["--host", "0.0.0.0", "--insecure", "--port", "0", "--min-workers", "2"];
    const coordinator = new Command(
      ["coordinator", ...listen, "--broadcast", broadcast, ...training],
      { cwd: folder },
    );
    const { port } = new URL(await coordinator.url());
    const workers = places.map(
      (place) =>
        new Command(["worker", `ws://${place.hostAddress}:${port}`], {
          cwd: folder,
          prefix: place.prefix,
        }),
    );
    const memory = {
      coordinator: new MemorySampler(coordinator.child.pid),
      worker: new MemorySampler(workers[0]?.child.pid),
    };
    const counted = (/** @type {string} */ what) =>
      places.map((place) =>
        Number(readFileSync(`/sys/class/net/${place.cable}/statistics/${what}`, "utf8")),
      );
    await coordinator.event((event) => event.event === "step" && event["step"] === WARM_UP);
    const before = { up: counted("rx_bytes"), down: counted("tx_bytes") };
    await coordinator.event((event) => event.event === "step" && event["step"] === steps);
    const after = { up: counted("rx_bytes"), down: counted("tx_bytes") };
    const moved = (/** @type {"up" | "down"} */ way) =>
      ((after[way][0] ?? 0) - (before[way][0] ?? 0)) / (steps - WARM_UP) / 1e6;
    await Promise.all([coordinator.ended, ...workers.map((worker) => worker.ended)]);
    for (const sampler of Object.values(memory)) sampler.stop();
    return { step: stepMs(coordinator), up: moved("up"), down: moved("down"), memory };
  } finally {
    for (const place of places) place.remove();
  }
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

/** What a step of `local` consists of, by the steps that its page reports. @param {string} broadcast */
async function phases(broadcast) {
  const long = training.map((option) => (option === `${steps + WARM_UP}` ? "400" : option));
  const args = ["local", "--workers", "2", "--broadcast", broadcast, ...long];
  const command = new Command(args, { cwd: folder });
  /** @type {Record<string, number[]>} */
  const found = {};
  const add = (/** @type {string} */ name, /** @type {number} */ ms) =>
    (found[name] ??= []).push(ms);
  const response = await fetch(`${(await command.url()).replace("ws", "http")}/live`);
  let text = "";
  for await (const chunk of response.body ?? []) {
    const lines = (text + Buffer.from(chunk).toString()).split("\n\n");
    text = lines.pop() ?? "";
    for (const line of lines.filter((each) => each.startsWith('data: {"kind":"trace"'))) {
      const trace = JSON.parse(line.slice(6));
      if (trace.step < WARM_UP) continue;
      for (const task of trace.tasks) {
        add("sent to compute, with the worker's own update", task.computedFromMs - task.sentMs);
        add("compute", task.computedToMs - task.computedFromMs);
        add("computed to answered", task.answeredMs - task.computedToMs);
      }
      for (const phase of ["aggregate", "optimizer", "broadcast"]) {
        const own = trace.phases.filter(
          (/** @type {{phase: string}} */ each) => each.phase === phase,
        );
        const times = own.map(
          (/** @type {{fromMs: number, toMs: number}} */ { fromMs, toMs }) => toMs - fromMs,
        );
        add(
          phase,
          times.reduce((/** @type {number} */ sum, /** @type {number} */ ms) => sum + ms, 0),
        );
      }
    }
  }
  await command.ended;
  return found;
}

const python = (() => {
  if (!options.peers) return undefined;
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tandem/peers");
  const program = join(cache, "bin/python");
  if (!existsSync(join(cache, "installed"))) {
    process.stderr.write("Installing PyTorch into the cache …\n");
    execFileSync("python3", ["-m", "venv", cache], { stdio: "inherit" });
    execFileSync(program, ["-m", "pip", "install", "--quiet", "torch", "numpy"], {
      stdio: "inherit",
    });
    execFileSync("touch", [join(cache, "installed")]);
  }
  return program;
})();
const PEER = join(ROOT, "scripts/bench/torch_peer.py");

/** @param {string[]} args @returns {Promise<{step: number, evaluate: number, version: string}>} */
async function torch(...args) {
  const { stdout } = await run(python ?? "", [PEER, ...args]);
  return JSON.parse(stdout);
}

/** Two processes; across a network, each in a namespace of its own, joined here. @param {string} [rate] */
async function torchDdp(rate) {
  const places = rate ? [new Namespace(), new Namespace()] : [];
  try {
    for (const place of places) place.limit(rate ?? "", "256k");
    if (places.length > 0) joinNamespaces(places);
    const [first] = places;
    const port = 20_000 + (process.pid % 20_000) + Math.floor(Math.random() * 1000);
    const env = {
      ...process.env,
      MASTER_ADDR: first ? first.address : "127.0.0.1",
      MASTER_PORT: `${port}`,
      GLOO_SOCKET_IFNAME: first ? "eth0" : "lo",
    };
    const rank = (/** @type {number} */ number) => {
      // At 100 Mbit/s a step of DDP's takes more than a second.
      const [own, warmUp] = rate === "100mbit" ? [12, 4] : [steps, WARM_UP];
      const numbers = [number, 2, 25, own, warmUp].map(String);
      const command = [python ?? "", PEER, "ddp", ...numbers];
      const [program = "", ...args] = [...(places[number]?.prefix ?? []), ...command];
      return run(program, args, { env });
    };
    const [{ stdout }] = await Promise.all([rank(0), rank(1)]);
    return /** @type {{step: number}} */ (JSON.parse(stdout)).step;
  } finally {
    for (const place of places) place.remove();
  }
}

/** Lets the two reach each other through this machine. @param {Namespace[]} places */
function joinNamespaces(places) {
  execFileSync("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
  for (const place of places) place.routeOut();
}

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
/** @type {Record<string, number[]>} */
const extras = {};
const note = (/** @type {string} */ name, /** @type {number} */ value) =>
  (extras[name] ??= []).push(value);
/** @param {string} broadcast @param {Record<string, MemorySampler>} memory by process */
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
