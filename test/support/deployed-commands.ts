// The commands that deploy/ starts, to hold its arguments and variables against.
import { coordinatorCommand } from "../../src/commands/coordinator.js";
import { singleCommand } from "../../src/commands/single.js";
import { addConfigOption, TandemCommand, variableOf } from "../../src/commands/tandem-command.js";
import { workerCommand } from "../../src/commands/worker.js";

/** @param name such as `coordinator` */
export function deployedCommand(name: string): TandemCommand {
  const program = new TandemCommand("tandem").exitOverride();
  for (const add of [coordinatorCommand, singleCommand, workerCommand]) {
    add(program, () => undefined);
  }
  const command = program.commands.find((each) => each.name() === name);
  if (!(command instanceof TandemCommand)) throw new Error(`deploy/ starts no command ${name}`);
  addConfigOption(command);
  return command;
}

/** The variables of its options. */
export function variablesOf(name: string): string[] {
  return deployedCommand(name).options.map(variableOf);
}
