// A storm: a run with a coordinator, workers and relays, on which faults are inflicted while it trains.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freeze, sendVisitor, slowDown } from "./process-faults.mjs";
import { Command } from "./processes.mjs";
import { planFaults } from "./storm-plan.mjs";
import { StormRelays } from "./storm-relays.mjs";

/** @typedef {{command: Command, inNamespace: boolean}} Slot */

/**
 * @typedef {object} StormOptions
 * @property {string} folder for the run's files
 * @property {string[]} training options of the run
 * @property {number} steps
 * @property {string} broadcast
 * @property {string} token
 * @property {string} tokenFile
 * @property {{cert: string, key: string} | undefined} tls paths
 * @property {import("./namespace.mjs").Namespace | undefined} namespace for one of the workers
 * @property {import("../../dist/shared/random.js").Random} random
 * @property {number} workerCount
 * @property {number} relayCount
 * @property {number} faultCount
 * @property {number} deadlineMs after which the storm has failed
 */

export class Storm {
  /** @param {StormOptions} options */
  constructor(options) {
    this.options = options;
    this.scheme = options.tls ? "wss" : "ws";
    this.output = join(options.folder, "storm.safetensors");
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
    const { folder, training, broadcast, tokenFile, tls } = this.options;
    const args = [
      ...["coordinator", ...training, "--host", "0.0.0.0", "--port", `${this.port}`],
      ...["--token-file", tokenFile, "--checkpoint-every", "10", "--output", this.output],
      ...["--broadcast", broadcast, "--json", ...extra],
      ...(tls ? ["--tls-cert", tls.cert, "--tls-key", tls.key] : []),
    ];
    return new Command(args, { cwd: folder, onEvent: (event) => this.note(event) });
  }

  /** @param {import("./processes.mjs").RunEvent} event */
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
    const { folder, tokenFile, tls, namespace } = this.options;
    const host = inNamespace && namespace ? namespace.hostAddress : "127.0.0.1";
    const via = this.relays?.urls(this.scheme, host, this.startedWorkers++) ?? [];
    const args = [
      ...["worker", `${this.scheme}://${host}:${this.port}`, "--token-file", tokenFile],
      ...(via.length > 0 ? ["--via", via.join(",")] : []),
      ...(tls ? ["--tls-ca", tls.cert] : []),
    ];
    return new Command(args, {
      cwd: folder,
      prefix: inNamespace && namespace ? namespace.prefix : [],
    });
  }

  async start() {
    const { namespace, workerCount, relayCount } = this.options;
    this.port = Number(new URL(await this.coordinator.url()).port);
    if (relayCount > 0) await this.startRelays();
    for (let number = 0; number < workerCount; number++) {
      const inNamespace = namespace !== undefined && number === 0;
      this.slots.push({ command: this.startWorker(inNamespace), inNamespace });
    }
  }

  async startRelays() {
    const { folder, tokenFile, tls, relayCount } = this.options;
    const secrets = tls ? ["--tls-cert", tls.cert, "--tls-key", tls.key, "--tls-ca", tls.cert] : [];
    this.relays = new StormRelays({
      url: `${this.scheme}://127.0.0.1:${this.port}`,
      args: ["--token-file", tokenFile, ...secrets],
      cwd: folder,
    });
    await this.relays.start(relayCount);
  }

  /** The URL for a misbehaving peer: the coordinator's, or a relay's. */
  visitedUrl() {
    const { random, relayCount } = this.options;
    const coordinator = `${this.scheme}://127.0.0.1:${this.port}`;
    const relays = this.relays?.urls(this.scheme, "127.0.0.1", random.below(relayCount)) ?? [];
    return (relays.length > 0 && random.below(2) === 0 ? relays[0] : undefined) ?? coordinator;
  }

  /** @param {(slot: Slot) => boolean} [fits] */
  pick(fits = () => true) {
    const candidates = this.slots.filter((slot) => slot.command.isAlive && fits(slot));
    return candidates[this.options.random.below(Math.max(1, candidates.length))];
  }

  /** @param {Slot} slot @param {NodeJS.Signals} signal */
  async replace(slot, signal) {
    // `ip netns exec` becomes the command it runs, so the signal reaches the worker itself.
    slot.command.kill(signal);
    await slot.command.ended;
    await delay(200);
    if (!this.isOver) slot.command = this.startWorker(slot.inNamespace);
  }

  /** @param {string} kind @returns {Promise<boolean>} false if there was no target for the fault */
  async inflict(kind) {
    const { random, namespace, token, tls } = this.options;
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
        await sendVisitor({ url: this.visitedUrl(), kind, token, ca: tls?.cert });
        return true;
    }
  }

  killAll() {
    this.isOver = true;
    this.coordinator.kill("SIGKILL");
    this.relays?.killAll();
    for (const { command } of this.slots) command.kill("SIGKILL");
  }

  /** Inflicts all faults, spread over the steps of the run. A fault may still be in progress when the next one starts. */
  async inflictAll() {
    const { steps, faultCount, relayCount, random, namespace } = this.options;
    const place = { hasLink: namespace !== undefined, hasRelays: relayCount > 0 };
    const kinds = planFaults(faultCount, random, place);
    let next = 12;
    let busyWithCoordinator = false;
    while (kinds.length > 0 && !this.isOver) {
      await this.untilSteps(next);
      if (this.isOver) break;
      const kind = kinds.shift();
      if (kind === undefined) break;
      // The coordinator can only be killed while it is running, and only be resumed after its first checkpoint.
      if (kind === "coordinator killed" && (busyWithCoordinator || !this.hasCheckpoint())) {
        kinds.push(kind);
        next = this.stepEvents + 1;
        continue;
      }
      this.counts[kind] = (this.counts[kind] ?? 0) + 1;
      if (kind === "coordinator killed") busyWithCoordinator = true;
      const fault = this.inflict(kind).then((happened) => {
        if (!happened) this.counts[kind] = (this.counts[kind] ?? 1) - 1;
        if (kind === "coordinator killed") busyWithCoordinator = false;
      });
      this.pending.push(fault);
      next =
        this.stepEvents + 1 + random.below(Math.max(1, Math.floor((1.3 * steps) / faultCount)));
    }
  }

  hasCheckpoint() {
    return this.coordinator.events.some(({ event }) => event === "checkpoint");
  }

  /** @param {number} count number of step events */
  async untilSteps(count) {
    while (this.stepEvents < count && !this.isOver) await delay(20);
  }

  async end() {
    const deadline = performance.now() + this.options.deadlineMs;
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
