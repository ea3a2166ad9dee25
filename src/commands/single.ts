import type { Command } from "commander";
import {
  addTellingOptions,
  addTrainingOptions,
  type TellingOptions,
  type TrainingOptions,
} from "./options.js";
import { runSettings } from "./run-settings.js";
import { train } from "./train.js";

export function singleCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program.command("single").description("the same run in one process");
  addTellingOptions(addTrainingOptions(command, "1"));
  command.action(async (options: TrainingOptions & TellingOptions) => {
    const settings = runSettings(command, options, 1);
    const pool = { startWith: 1, goOnWith: 1, waitMs: 0 };
    exitWith(await train({ settings, telling: options, pool }));
  });
}
