import type { Command } from "commander";
import { runNodeWorker } from "../worker/node-worker.js";
import { Interrupts } from "./interrupts.js";
import { addJoinOptions, type JoinOptions, joinRequest, reportEvent } from "./join-options.js";

interface WorkerOptions extends JoinOptions {
  endWithParent?: boolean;
}

export function workerCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("worker")
    .description("computes for a coordinator; needs only its URL")
    .option("--end-with-parent", "exit when standard input is closed");
  addJoinOptions(command, "worker");
  command.action(async (url: string, options: WorkerOptions) => {
    const request = joinRequest(url, options);
    const interrupts = new Interrupts();
    if (options.endWithParent) {
      // Read, as a closed standard input is noticed only by reading.
      process.stdin.resume();
      process.stdin.on("close", () => process.exit(1));
      process.stdin.on("error", () => process.exit(1));
    }
    await runNodeWorker(request, (event) => reportEvent(event, options.json), interrupts.signal);
    exitWith(interrupts.exitCode);
  });
}
