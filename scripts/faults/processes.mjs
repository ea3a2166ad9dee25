// Runs Tandem's commands as processes, for scripts and tests: collects their events and waits for their end.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const CLI = join(ROOT, "dist/cli.js");

/** @typedef {{event: string} & Record<string, unknown>} RunEvent */

export class Command {
  /**
   * @param {string[]} args
   * @param {{cwd?: string, prefix?: string[], node?: string, onEvent?: (event: RunEvent) => void}} [options] `prefix`:
   * command that runs this one, such as `ip netns exec NAME`; `node`: path of another Node
   */
  constructor(args, { cwd, prefix = [], node = process.execPath, onEvent } = {}) {
    const [program = node, ...rest] = [...prefix, node, CLI, ...args];
    this.child = spawn(program, rest, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    /** @type {RunEvent[]} */
    this.events = [];
    this.stderr = "";
    /** @type {Set<() => void>} */
    this.wakers = new Set();
    let partial = "";
    this.child.stdout.on("data", (chunk) => {
      const lines = (partial + chunk).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) {
        try {
          const event = JSON.parse(line);
          this.events.push(event);
          onEvent?.(event);
        } catch {
          // not an event
        }
      }
      for (const wake of this.wakers) wake();
    });
    this.child.stderr.on("data", (chunk) => (this.stderr = (this.stderr + chunk).slice(-20_000)));
    /** @type {Promise<{code: number | null, signal: string | null}>} */
    this.ended = new Promise((resolve) => {
      this.child.on("close", (code, signal) => {
        resolve({ code, signal });
        for (const wake of this.wakers) wake();
      });
    });
  }

  get isAlive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal) {
    if (this.isAlive) this.child.kill(signal);
  }

  /** @param {(event: RunEvent) => boolean} isIt @returns {Promise<RunEvent>} */
  async event(isIt) {
    for (let seen = 0; ;) {
      for (; seen < this.events.length; seen++) {
        const event = this.events[seen];
        if (event && isIt(event)) return event;
      }
      if (!this.isAlive) throw new Error(`ended before the event: ${this.stderr.slice(-500)}`);
      await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        const wake = () => {
          this.wakers.delete(wake);
          resolve();
        };
        this.wakers.add(wake);
      });
    }
  }

  async url() {
    return String((await this.event(({ event }) => event === "listening"))["url"]);
  }
}

/** @param {string} file */
export function digestOf(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
