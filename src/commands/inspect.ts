import type { Command } from "commander";
import { inspectCheckpoint, type StepRange, tensorBytes } from "../shared/checkpoint/checkpoint.js";
import { addJsonOption } from "./options.js";

export function inspectCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("inspect")
    .description("tells what is in a checkpoint: step, configuration, tensors, shapes")
    .argument("<checkpoint>", "a .safetensors file that a run wrote");
  addJsonOption(command);
  command.action((file: string, options: { json?: boolean }) => {
    const { step, config, tensors, suspectSteps = [] } = inspectCheckpoint(file);
    if (options.json) {
      const shapes = tensors.map(({ name, shape }) => ({ name, dtype: "float32", shape }));
      const suspect = suspectSteps.length === 0 ? {} : { suspectSteps };
      const line = { event: "inspected", path: file, step, config, tensors: shapes, ...suspect };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    } else {
      const { data, ...numbers } = config;
      const settings = Object.entries({ ...numbers, ...data });
      const width = Math.max(...tensors.map(({ name }) => name.length)) + 2;
      const lines = [
        `step ${step}`,
        ...(suspectSteps.length === 0 ? [] : [suspicion(suspectSteps)]),
        ...settings.map(([name, value]) => `${name.padEnd(width)}${String(value)}`),
        `${tensors.length} tensors of float32, ${(tensorBytes(tensors) / 1e6).toFixed(1)} MB`,
        ...tensors.map(({ name, shape }) => `${name.padEnd(width)}${shape.join(" × ")}`),
      ];
      process.stdout.write(`${lines.join("\n")}\n`);
    }
    exitWith(0);
  });
}

function suspicion(ranges: readonly StepRange[]): string {
  const steps = ranges.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`));
  return `suspect steps: ${steps.join(", ")}. A worker whose results they used was found to compute wrongly, so this may not be the state that the configuration stands for: train again from an earlier checkpoint if that matters.`;
}
