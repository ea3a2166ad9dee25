import type { Command } from "commander";
import { addOutputOptions, type OutputOptions } from "./options.js";
import { buildRequest } from "./run-request.js";
import { train } from "./train.js";
import { addTrainingOptions, type TrainingOptions } from "./training-options.js";

export function singleCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program.command("single").description("trains in one process");
  addOutputOptions(addTrainingOptions(command, "1"));
  command.action(async (options: TrainingOptions & OutputOptions) => {
    const run = buildRequest(command, options);
    exitWith(await train({ run, workforce: { kind: "in-process" }, output: options }));
  });
}
