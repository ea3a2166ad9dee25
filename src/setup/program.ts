// The programs that set-up starts (python3, npm, the compiler). Their output is shown only if they fail.
import { spawn } from "node:child_process";
import { startTicking } from "./report.js";

/** The exit code for a program that does not exist, as in shells. */
const NOT_FOUND = 127;

export interface ProgramOptions {
  env?: NodeJS.ProcessEnv;
  /** Shown with the elapsed seconds, for a program that takes long. */
  label?: string;
}

export interface ProgramResult {
  code: number;
  /** Standard output and standard error, interleaved. */
  output: string;
}

/** Runs a program to its end. @returns code 127 if it does not exist */
export function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const stopTicking = options.label === undefined ? () => undefined : startTicking(options.label);
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error) => {
      stopTicking();
      resolve({ code: NOT_FOUND, output: error.message });
    });
    child.on("close", (code) => {
      stopTicking();
      resolve({ code: code ?? 1, output });
    });
  });
}

/** The end of a program's output, for an error message. */
export function lastLines(output: string, count = 12): string {
  return output.trimEnd().split("\n").slice(-count).join("\n");
}
