// Faults that leave a process alive, and a process that misbehaves as a peer.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ROOT } from "./processes.mjs";

/** @typedef {import("./processes.mjs").Command} Command */

/** @param {Command} command @param {number} ms */
export async function freeze(command, ms) {
  command.kill("SIGSTOP");
  await delay(ms);
  command.kill("SIGCONT");
}

/** Lets the process run a tenth of the time, for two seconds. @param {Command} command */
export async function slowDown(command) {
  for (let round = 0; round < 20; round++) {
    await freeze(command, 90);
    await delay(10);
  }
}

/**
 * Starts a peer that works correctly for a while, misbehaves once, and leaves. Resolves when it has exited.
 * @param {{url: string, kind: string, token: string, ca?: string | undefined}} visit
 */
export async function sendVisitor({ url, kind, token, ca }) {
  const visitor = join(ROOT, "scripts/faults/visitor.mjs");
  const env = { ...process.env, ...(ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca }) };
  const args = [visitor, url, kind, token];
  const child = spawn(process.execPath, args, { stdio: "ignore", env });
  await new Promise((resolve) => child.on("close", resolve));
}
