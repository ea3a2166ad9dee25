// Workers with ready-made answers, each in a process of its own, so that one can be killed: a crew that keeps its size.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Random } from "../../dist/shared/random.js";
import { ROOT } from "../faults/processes.mjs";

const READY_MADE = join(ROOT, "scripts/scale/ready-made.mjs");

/** @typedef {"kill" | "freeze"} Death */
/** @typedef {{name: string, child: import("node:child_process").ChildProcess}} Member */

export class Crew {
  /** @param {{url: string, computeMs: number, seed: number}} options `computeMs`: what each answer takes */
  constructor({ url, computeMs, seed }) {
    this.url = url;
    this.computeMs = computeMs;
    this.random = new Random(seed, "churn");
    /** @type {Member[]} */
    this.members = [];
    /** Stopped, and to be killed. @type {Member[]} */
    this.frozen = [];
    this.startedCount = 0;
  }

  /** One more. @returns its name, as the coordinator's events have it */
  start() {
    const prefix = `member-${++this.startedCount}`;
    const args = [READY_MADE, this.url, "1", "0", "1", `${this.computeMs}`, prefix];
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    const name = `${prefix}-1`;
    this.members.push({ name, child });
    return name;
  }

  /**
   * One of them dies, and another comes: killed, its connection is closed by the system; frozen, it just says nothing any more,
   * like a machine without power.
   * @param {Death} death
   * @returns who died, and who came
   */
  async replaceOne(death) {
    const place = this.random.below(this.members.length);
    const [victim] = this.members.splice(place, 1);
    if (!victim) throw new RangeError("nobody is left");
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
