import { type Command, Option } from "commander";
import { createLogUpdate } from "log-update";
import { shortNumber } from "../coordinator/observe/number-text.js";
import { evaluateCheckpoint } from "../run/evaluate-checkpoint.js";
import { chooseEvaluationEngine } from "../run/evaluation-engine.js";
import type { EngineSpec } from "../shared/config.js";
import { ENGINE_NAMES, type EngineName } from "../shared/engine/engine.js";
import { type Checkpoint, readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { openData } from "../shared/data/files/open-data.js";
import type { DataSource } from "../shared/data/samples.js";
import { TandemError } from "../shared/errors.js";
import type { Metrics } from "../shared/evaluation.js";
import { addJsonOption } from "./options.js";

const EVALUATED_SETS = ["test", "validation"] as const;
type EvaluatedSet = (typeof EVALUATED_SETS)[number];

interface EvaluateOptions {
  data?: string;
  engine?: EngineName;
  on: EvaluatedSet;
  json?: boolean;
}

export function evaluateCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("evaluate")
    .description("restores a checkpoint and evaluates it on the test set, or on the validation set")
    .argument("<checkpoint>", "a .safetensors file that a run wrote")
    .option("--data <path>", "file or folder of data (default: MNIST)")
    .addOption(
      new Option(
        "--engine <name>",
        "engine (default: the one that the checkpoint was trained with)",
      ).choices(ENGINE_NAMES),
    );
  command.addOption(
    new Option(
      "--on <set>",
      "samples to evaluate on: the test set, or those that the run held out for validation",
    )
      .choices(EVALUATED_SETS)
      .default("test"),
  );
  addJsonOption(command);
  command.action(async (file: string, options: EvaluateOptions) => {
    const checkpoint = readCheckpoint(file);
    const { on } = options;
    const data = await loadEvaluationData(file, checkpoint, options.data, on);
    if (data.description !== undefined) process.stderr.write(`data: ${data.description}\n`);
    const { engine, note } = chooseEvaluationEngine(checkpoint.config, options.engine);
    if (note !== undefined) process.stderr.write(`${note}\n`);
    const metrics = await evaluateWithProgress(file, checkpoint, data, engine);
    const evaluated = { file, step: checkpoint.step, metrics, engine: engine.name, on };
    if (options.json) writeJson(evaluated);
    else writeText(evaluated);
    exitWith(0);
  });
}

/** The set to evaluate on is the test set of what is returned. */
async function loadEvaluationData(
  file: string,
  { config }: Checkpoint,
  folder: string | undefined,
  on: EvaluatedSet,
): Promise<DataSource> {
  const { validationSize } = config;
  if (on === "validation" && validationSize === 0) {
    throw new TandemError(
      "usage",
      `${file} was trained without a validation set (--validation-size 0). Omit --on validation to evaluate it on the test set.`,
    );
  }
  const data = await openData(folder, {
    validationSize: on === "validation" ? validationSize : 0,
    known: config,
  });
  if (folder === undefined && data.digest !== config.data.digest) {
    throw new TandemError(
      "data-mismatch",
      `${file} was not trained on MNIST. Give the folder of its data, or of other data of the same kind, with --data.`,
    );
  }
  return on === "validation" ? { ...data, test: data.validation } : data;
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

interface Evaluated {
  file: string;
  step: number;
  metrics: Metrics;
  engine: EngineName;
  on: EvaluatedSet;
}

/** `testAccuracy` and `testLoss`, or `validationAccuracy` and `validationLoss`. */
function writeJson({ step, metrics, engine, on }: Evaluated): void {
  const { accuracy, loss, count } = metrics;
  const ofClasses = accuracy === undefined ? {} : { [`${on}Accuracy`]: accuracy };
  const line = { event: "evaluated", step, ...ofClasses, [`${on}Loss`]: loss, count, engine };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function writeText({ file, step, metrics, engine, on }: Evaluated): void {
  const { accuracy, loss, count } = metrics;
  process.stderr.write(
    `${file}: step ${step}, ${count} ${on} samples, mean loss ${shortNumber(loss)}, engine ${engine}\n`,
  );
  const result =
    accuracy === undefined
      ? `${on} loss ${shortNumber(loss)}`
      : `${on} accuracy ${shortNumber(accuracy)}`;
  process.stdout.write(`${result}\n`);
}
