// A fixed number of workers with ready-made answers, each in its own process, so that single ones can be killed and replaced.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Random } from "../../dist/shared/random.js";
import { ROOT } from "../faults/processes.mjs";

const READY_MADE = join(ROOT, "scripts/scale/ready-made.mjs");

/** @typedef {"kill" | "freeze"} Death */
/** @typedef {{name: string, child: import("node:child_process").ChildProcess}} Member */

export class Crew {
  /** @param {{url: string, computeMs: number, seed: number}} options `computeMs`: time until each answer */
  constructor({ url, computeMs, seed }) {
    this.url = url;
    this.computeMs = computeMs;
    this.random = new Random(seed, "churn");
    /** @type {Member[]} */
    this.members = [];
    /** To be killed at the end. @type {Member[]} */
    this.frozen = [];
    this.startedCount = 0;
  }

  /** Starts a worker. @returns its name in the coordinator's events */
  start() {
    const prefix = `member-${++this.startedCount}`;
    const args = [READY_MADE, this.url, "1", "0", "1", `${this.computeMs}`, prefix];
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    const name = `${prefix}-1`;
    this.members.push({ name, child });
    return name;
  }

  /**
   * Kills or freezes a random worker and starts a new one. When a worker is killed, the operating system closes its connection; a
   * frozen worker just goes silent, like a machine that lost power.
   * @param {Death} death
   * @returns the names of both
   */
  async replaceOne(death) {
    const place = this.random.below(this.members.length);
    const [victim] = this.members.splice(place, 1);
    if (!victim) throw new RangeError("no worker is left");
    if (death === "freeze") {
      victim.child.kill("SIGSTOP");
      this.frozen.push(victim);
    } else {
      victim.child.kill("SIGKILL");
      await new Promise((resolve) => victim.child.once("exit", resolve));
    }
    return { victim: victim.name, newcomer: this.start() };
  }

  end() {
    for (const { child } of [...this.members, ...this.frozen]) child.kill("SIGKILL");
  }
}
