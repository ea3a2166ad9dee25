// Child processes of set-up: their output is kept, and shown only when they fail.
import { spawn } from "node:child_process";
import { tickingOf } from "./report.mjs";

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, label?: string}} [options] `label`: what is shown, with the seconds gone
 * by, where it takes long
 * @returns {Promise<{code: number, output: string}>} code 127 where the program does not exist
 */
export function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const stopTicking = options.label === undefined ? () => undefined : tickingOf(options.label);
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => {
      stopTicking();
      resolve({ code: 127, output: error.message });
    });
    child.on("close", (code) => {
      stopTicking();
      resolve({ code: code ?? 1, output });
    });
  });
}

/**
 * The end of a program's output, for the message of an error.
 * @param {string} output
 */
export function lastLines(output, count = 12) {
  return output.trimEnd().split("\n").slice(-count).join("\n");
}
