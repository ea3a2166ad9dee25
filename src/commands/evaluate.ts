import { type Command, Option } from "commander";
import { createLogUpdate } from "log-update";
import { shortNumber } from "../coordinator/observe/number-text.js";
import { evaluateCheckpoint } from "../run/evaluate-checkpoint.js";
import { evaluationEngine } from "../run/evaluation-engine.js";
import type { EngineSpec } from "../shared/config.js";
import { ENGINE_NAMES, type EngineName } from "../shared/engine/engine.js";
import { type Checkpoint, readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { loadIdx } from "../shared/data/idx-source.js";
import { mnistFolder } from "../shared/data/mnist.js";
import type { DataSource } from "../shared/data/samples.js";
import { TandemError } from "../shared/errors.js";
import type { Metrics } from "../shared/evaluation.js";
import { addJsonOption } from "./options.js";

interface EvaluateOptions {
  data?: string;
  engine?: EngineName;
  json?: boolean;
}

export function evaluateCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("evaluate")
    .description("restores a checkpoint and evaluates it on the test set")
    .argument("<checkpoint>", "a .safetensors file that a run wrote")
    .option("--data <dir>", "folder with MNIST-format files (default: MNIST itself)")
    .addOption(
      new Option(
        "--engine <name>",
        "engine (default: the one that the checkpoint was trained with)",
      ).choices(ENGINE_NAMES),
    );
  addJsonOption(command);
  command.action(async (file: string, options: EvaluateOptions) => {
    const checkpoint = readCheckpoint(file);
    const data = loadTestData(file, checkpoint, options.data);
    const { engine, note } = evaluationEngine(checkpoint.config, options.engine);
    if (note !== undefined) process.stderr.write(`${note}\n`);
    const metrics = await evaluateWithProgress(file, checkpoint, data, engine);
    if (options.json) writeJson(checkpoint.step, metrics, engine.name);
    else writeText(file, checkpoint.step, metrics, engine.name);
    exitWith(0);
  });
}

function loadTestData(
  file: string,
  { config }: Checkpoint,
  folder: string | undefined,
): DataSource {
  const data = loadIdx(folder ?? mnistFolder(), 0);
  if (folder === undefined && data.digest !== config.data.digest) {
    throw new TandemError(
      "data-mismatch",
      `${file} was not trained on MNIST. Give the folder of its data, or of other data of the same kind, with --data.`,
    );
  }
  return data;
}

async function evaluateWithProgress(
  file: string,
  checkpoint: Checkpoint,
  data: DataSource,
  engine: EngineSpec,
): Promise<Metrics> {
  const progress = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined;
  try {
    return await evaluateCheckpoint(file, checkpoint, data, engine, (index, count) => {
      progress?.(`evaluating, ${index} of ${count}`);
    });
  } finally {
    progress?.clear();
    progress?.done();
  }
}

function writeJson(step: number, metrics: Metrics, engine: EngineName): void {
  const { accuracy, loss: testLoss, count } = metrics;
  const testAccuracy = accuracy === undefined ? {} : { testAccuracy: accuracy };
  const line = { event: "evaluated", step, ...testAccuracy, testLoss, count, engine };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function writeText(file: string, step: number, metrics: Metrics, engine: EngineName): void {
  const { accuracy, loss, count } = metrics;
  process.stderr.write(
    `${file}: step ${step}, ${count} test samples, mean loss ${shortNumber(loss)}, engine ${engine}\n`,
  );
  const result =
    accuracy === undefined
      ? `test loss ${shortNumber(loss)}`
      : `test accuracy ${shortNumber(accuracy)}`;
  process.stdout.write(`${result}\n`);
}
