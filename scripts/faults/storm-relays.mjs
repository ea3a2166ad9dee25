// The relays of a storm: they are killed, frozen and interrupted, and restarted at the same port.
import { setTimeout as delay } from "node:timers/promises";
import { freeze } from "./process-faults.mjs";
import { Command } from "./processes.mjs";

/** How long a relay is frozen: too short to be declared lost, or long enough. */
const FREEZES_MS = [2_000, 12_000];

/** @typedef {{command: Command, port: number}} Relay */

export class StormRelays {
  /**
   * @param {object} options
   * @param {string} options.url of the coordinator
   * @param {string[]} options.args arguments of every relay: token, certificates
   * @param {string} options.cwd
   */
  constructor({ url, args, cwd }) {
    this.options = { url, args, cwd };
    this.isOver = false;
    /** @type {Relay[]} */
    this.relays = [];
    /** Workers that joined through relays. */
    this.joinCount = 0;
  }

  /** @param {number} count */
  async start(count) {
    const commands = Array.from({ length: count }, () => this.startOne(0));
    for (const command of commands) {
      this.relays.push({ command, port: Number(new URL(await command.url()).port) });
    }
  }

  /** @param {number} port 0: any free port */
  startOne(port) {
    const { url, args, cwd } = this.options;
    const listen = ["--host", "0.0.0.0", "--port", `${port}`, "--json"];
    return new Command(["relay", url, ...listen, ...args], {
      cwd,
      onEvent: ({ event, state }) => {
        if (event === "worker" && state === "joined") this.joinCount++;
      },
    });
  }

  /**
   * URLs of all relays, rotated so that each worker starts with a different one.
   * @param {string} scheme @param {string} host @param {number} first index of the relay that comes first
   */
  urls(scheme, host, first) {
    const { relays } = this;
    return relays.map((_, index) => {
      const relay = relays[(first + index) % relays.length];
      return `${scheme}://${host}:${relay?.port}`;
    });
  }

  /**
   * @param {string} kind of fault
   * @param {import("../../dist/shared/random.js").Random} random
   */
  async inflict(kind, random) {
    const relay = this.relays[random.below(this.relays.length)];
    if (!relay?.command.isAlive) return false;
    const { command } = relay;
    if (kind === "relay frozen") {
      await freeze(command, FREEZES_MS[random.below(FREEZES_MS.length)] ?? 0);
      return true;
    }
    command.kill(kind === "relay killed" ? "SIGKILL" : "SIGTERM");
    await command.ended;
    await delay(200);
    if (!this.isOver) relay.command = this.startOne(relay.port);
    return true;
  }

  killAll() {
    this.isOver = true;
    for (const { command } of this.relays) command.kill("SIGKILL");
  }

  async end() {
    this.killAll();
    await Promise.all(this.relays.map(({ command }) => command.ended));
  }
}
