// A seeded storm over a real run, and the proof that it changed nothing: the final file against the calm run's.
//   node scripts/chaos.mjs [--steps 300] [--faults 64] [--seed 1] [--workers 3] [--broadcast weights|updates] [--tls]
//     [--batch-norm sync]  the shards of a step wait for each other at every layer
//     [--rate 20mbit]      limits the link of the worker in the network namespace
//     [--relays 2]         workers join through relays, which are killed, frozen and interrupted too
// Beside the honest workers there is always room for one visitor that misbehaves.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Random } from "../dist/shared/random.js";
import { makeCertificate } from "./faults/certificate.mjs";
import { canMakeNamespaces, Namespace } from "./faults/namespace.mjs";
import { freeze, sendVisitor, slowDown } from "./faults/process-faults.mjs";
import { Command, digestOf } from "./faults/processes.mjs";
import { planFaults } from "./faults/storm-plan.mjs";
import { StormRelays } from "./faults/storm-relays.mjs";
import { stormText } from "./faults/storm-report.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "300" },
    faults: { type: "string", default: "64" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "3" },
    broadcast: { type: "string", default: "weights" },
    "batch-norm": { type: "string", default: "ghost" },
    tls: { type: "boolean", default: false },
    rate: { type: "string", default: "" },
    relays: { type: "string", default: "0" },
  },
});
const steps = Number(options.steps);
const faultCount = Number(options.faults);
const workerCount = Number(options.workers);
const relayCount = Number(options.relays);
const TOKEN = "a-token-for-the-storm";
const DEADLINE_MS = 20 * 60_000;

const folder = mkdtempSync(join(tmpdir(), "tandem-chaos-"));
const tokenFile = join(folder, "token");
writeFileSync(tokenFile, TOKEN);
const random = new Random(Number(options.seed), "chaos");
const namespace = canMakeNamespaces() ? new Namespace() : undefined;
if (namespace && options.rate !== "") namespace.limit(options.rate, "64k");
const hosts = ["127.0.0.1", ...(namespace ? [namespace.hostAddress] : [])];
const tls = options.tls ? makeCertificate(folder, hosts) : undefined;
const scheme = tls ? "wss" : "ws";
const batchNorm = options["batch-norm"];
const training = [
  ...["--steps", `${steps}`, "--shards", "4", "--eval-every", "100"],
  ...["--batch-norm", batchNorm],
];

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`);

say(`calm run: single, ${steps} steps in 4 shards …`);
const calmFile = join(folder, "calm.safetensors");
const calm = new Command(["single", ...training, "--output", calmFile], { cwd: folder });
if ((await calm.ended).code !== 0) throw new Error(calm.stderr);

/** @typedef {{command: Command, inNamespace: boolean}} Slot */

class Storm {
  constructor() {
    this.output = join(folder, "storm.safetensors");
    this.port = 0;
    this.isOver = false;
    this.lastStepMs = 0;
    this.longestStallMs = 0;
    this.stepEvents = 0;
    this.backups = 0;
    /** @type {Record<string, number>} */
    this.counts = {};
    /** @type {Slot[]} */
    this.slots = [];
    /** @type {Promise<void>[]} */
    this.pending = [];
    this.startedWorkers = 0;
    /** @type {StormRelays | undefined} */
    this.relays = undefined;
    this.coordinator = this.startCoordinator([]);
  }

  /** @param {string[]} extra */
  startCoordinator(extra) {
    const args = [
      ...["coordinator", ...training, "--host", "0.0.0.0", "--port", `${this.port}`],
      ...["--token-file", tokenFile, "--checkpoint-every", "10", "--output", this.output],
      ...["--broadcast", options.broadcast, "--json", ...extra],
      ...(tls ? ["--tls-cert", tls.cert, "--tls-key", tls.key] : []),
    ];
    return new Command(args, { cwd: folder, onEvent: (event) => this.note(event) });
  }

  /** @param {import("./faults/processes.mjs").RunEvent} event */
  note(event) {
    if (event.event === "backup") this.backups++;
    if (event.event !== "step") return;
    this.stepEvents++;
    const now = performance.now();
    if (this.lastStepMs > 0) {
      this.longestStallMs = Math.max(this.longestStallMs, now - this.lastStepMs);
    }
    this.lastStepMs = now;
  }

  /** @param {boolean} inNamespace */
  startWorker(inNamespace) {
    const host = inNamespace && namespace ? namespace.hostAddress : "127.0.0.1";
    const via = this.relays?.urls(scheme, host, this.startedWorkers++) ?? [];
    const args = [
      ...["worker", `${scheme}://${host}:${this.port}`, "--token-file", tokenFile],
      ...(via.length > 0 ? ["--via", via.join(",")] : []),
      ...(tls ? ["--tls-ca", tls.cert] : []),
    ];
    return new Command(args, {
      cwd: folder,
      prefix: inNamespace && namespace ? namespace.prefix : [],
    });
  }

  async start() {
    this.port = Number(new URL(await this.coordinator.url()).port);
    if (relayCount > 0) await this.startRelays();
    for (let number = 0; number < workerCount; number++) {
      const inNamespace = namespace !== undefined && number === 0;
      this.slots.push({ command: this.startWorker(inNamespace), inNamespace });
    }
  }

  async startRelays() {
    const secrets = tls ? ["--tls-cert", tls.cert, "--tls-key", tls.key, "--tls-ca", tls.cert] : [];
    this.relays = new StormRelays({
      url: `${scheme}://127.0.0.1:${this.port}`,
      args: ["--token-file", tokenFile, ...secrets],
      cwd: folder,
    });
    await this.relays.start(relayCount);
  }

  /** Where a peer that misbehaves goes: to the coordinator, or to one of the relays. */
  visitedUrl() {
    const coordinator = `${scheme}://127.0.0.1:${this.port}`;
    const relays = this.relays?.urls(scheme, "127.0.0.1", random.below(relayCount)) ?? [];
    return (relays.length > 0 && random.below(2) === 0 ? relays[0] : undefined) ?? coordinator;
  }

  /** @param {(slot: Slot) => boolean} [fits] */
  pick(fits = () => true) {
    const candidates = this.slots.filter((slot) => slot.command.isAlive && fits(slot));
    return candidates[random.below(Math.max(1, candidates.length))];
  }

  /** @param {Slot} slot @param {NodeJS.Signals} signal */
  async replace(slot, signal) {
    // `ip netns exec` becomes the command it runs, so the signal reaches the worker itself.
    slot.command.kill(signal);
    await slot.command.ended;
    await delay(200);
    if (!this.isOver) slot.command = this.startWorker(slot.inNamespace);
  }

  /** @param {string} kind @returns {Promise<boolean>} false where there was nothing to do it to */
  async inflict(kind) {
    const slot = this.pick();
    switch (kind) {
      case "kill":
        if (!slot) return false;
        await this.replace(slot, "SIGKILL");
        return true;
      case "goodbye":
        if (!slot) return false;
        await this.replace(slot, "SIGTERM");
        return true;
      case "freeze":
        if (!slot) return false;
        await freeze(slot.command, 500 + random.below(2_500));
        return true;
      case "slow":
        if (!slot) return false;
        await slowDown(slot.command);
        return true;
      case "link down": {
        if (!namespace || !this.pick(({ inNamespace }) => inNamespace)) return false;
        namespace.pull();
        await delay(random.below(2) === 0 ? 2_000 : 12_000);
        namespace.plug();
        return true;
      }
      case "join": {
        const extra = this.startWorker(false);
        await delay(2_500);
        extra.kill("SIGTERM");
        await extra.ended;
        return true;
      }
      case "coordinator killed": {
        this.coordinator.kill("SIGKILL");
        await this.coordinator.ended;
        this.coordinator = this.startCoordinator(["--resume", this.output]);
        return true;
      }
      case "relay killed":
      case "relay frozen":
      case "relay interrupted":
        return this.relays?.inflict(kind, random) ?? false;
      default:
        await sendVisitor({ url: this.visitedUrl(), kind, token: TOKEN, ca: tls?.cert });
        return true;
    }
  }

  /** Faults one after the other, as the steps go by; what a fault takes to pass goes on beside the next. */
  async rage() {
    const place = { hasLink: namespace !== undefined, hasRelays: relayCount > 0 };
    const kinds = planFaults(faultCount, random, place);
    let next = 12;
    let busyWithCoordinator = false;
    while (kinds.length > 0 && !this.isOver) {
      await this.untilSteps(next);
      if (this.isOver) break;
      const kind = kinds.shift();
      if (kind === undefined) break;
      // Only a coordinator that has written something can be resumed, and only one that runs can be killed.
      if (kind === "coordinator killed" && (busyWithCoordinator || !this.hasCheckpoint())) {
        kinds.push(kind);
        next = this.stepEvents + 1;
        continue;
      }
      this.counts[kind] = (this.counts[kind] ?? 0) + 1;
      if (kind === "coordinator killed") busyWithCoordinator = true;
      const passing = this.inflict(kind).then((happened) => {
        if (!happened) this.counts[kind] = (this.counts[kind] ?? 1) - 1;
        if (kind === "coordinator killed") busyWithCoordinator = false;
      });
      this.pending.push(passing);
      next =
        this.stepEvents + 1 + random.below(Math.max(1, Math.floor((1.3 * steps) / faultCount)));
    }
  }

  hasCheckpoint() {
    return this.coordinator.events.some(({ event }) => event === "checkpoint");
  }

  /** @param {number} count of step events */
  async untilSteps(count) {
    while (this.stepEvents < count && !this.isOver) await delay(20);
  }

  async end() {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const { coordinator } = this;
      const late = delay(Math.max(0, deadline - performance.now()), "late", { ref: false });
      const how = await Promise.race([coordinator.ended, late]);
      if (how === "late") throw new Error("the storm did not end in time");
      if (typeof how === "object" && how.code === 0) break;
      if (coordinator !== this.coordinator) continue;
      await delay(100);
      if (coordinator !== this.coordinator) continue;
      if (typeof how === "object" && how.signal === "SIGKILL") continue;
      throw new Error(`the coordinator ended with ${JSON.stringify(how)}: ${coordinator.stderr}`);
    }
    this.isOver = true;
    await Promise.all(this.pending);
    for (const { command } of this.slots) command.kill("SIGKILL");
    await this.relays?.end();
    await Promise.all(this.slots.map(({ command }) => command.ended));
  }
}

const settings = [
  ...[`seed ${options.seed}`, `${steps} steps`, `--broadcast ${options.broadcast}`],
  ...(batchNorm === "ghost" ? [] : [`--batch-norm ${batchNorm}`]),
  ...(relayCount === 0 ? [] : [`${relayCount} relays`]),
  ...(tls ? ["TLS"] : []),
  ...(options.rate === "" ? [] : [`one worker at ${options.rate}`]),
].join(", ");
say(`storm: ${faultCount} faults, ${workerCount} workers and a visitor …`);
const storm = new Storm();
let failed = false;
try {
  await storm.start();
  const startMs = performance.now();
  await Promise.all([storm.rage(), storm.end()]);
  const seconds = (performance.now() - startMs) / 1000;
  const digests = { calm: digestOf(calmFile), storm: digestOf(storm.output) };
  const total = Object.values(storm.counts).reduce((sum, count) => sum + count, 0);
  failed = digests.calm !== digests.storm || total < faultCount;
  const { counts, longestStallMs, backups } = storm;
  process.stdout.write(
    stormText({
      ...{ settings, seconds, counts, digests, longestStallMs, backups },
      ...{ missing: faultCount - total, stepsAgain: storm.stepEvents - steps },
      relayJoins: storm.relays?.joinCount,
    }),
  );
} finally {
  storm.isOver = true;
  storm.coordinator.kill("SIGKILL");
  for (const { command } of storm.slots) command.kill("SIGKILL");
  await storm.relays?.end();
  namespace?.remove();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
