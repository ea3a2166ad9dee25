// What set-up reports before anything is compiled. It writes to standard error only, so that a command that runs after it, as
// `npm pack --json` does, has standard output to itself.
import { spawnSync } from "node:child_process";

/** Something that set-up needs and cannot supply; the message says what, and how to fix it. */
export class SetupError extends Error {}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs a program to its end and shows what it writes.
 * @param {string} program
 * @param {string[]} args
 * @param {string} cwd
 * @returns {boolean} whether it succeeded
 */
export function succeeds(program, args, cwd) {
  // npm's standard output is set-up's standard error.
  return spawnSync(program, args, { cwd, stdio: ["ignore", 2, 2] }).status === 0;
}
