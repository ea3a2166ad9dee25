// Reports of the set-up, before anything is compiled. They go only to standard error, because set-up also runs within commands
// such as `npm pack --json`, whose standard output must not be disturbed.
import { spawnSync } from "node:child_process";

/** Something that the set-up needs is missing. The message says what, and how to fix it. */
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
  // The standard output of npm goes to the set-up's standard error.
  return spawnSync(program, args, { cwd, stdio: ["ignore", 2, 2] }).status === 0;
}
