import type { Command } from "commander";
import { createLogUpdate } from "log-update";
import { shortNumber } from "../coordinator/sinks/narration.js";
import { type Checkpoint, readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { networkOfRun } from "../shared/config.js";
import { type Dataset, loadDataset, mnistFolder } from "../shared/data/dataset.js";
import { TandemError } from "../shared/errors.js";
import { type Accuracy, accuracyOf, evaluationPieces } from "../shared/evaluation.js";
import { evaluationResult } from "../shared/model/compute.js";
import { Replica } from "../shared/model/replica.js";
import { loadTensorFlow } from "../shared/model/tensorflow.js";
import { addJsonOption } from "./options.js";

export function evaluateCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("evaluate")
    .description("restores a checkpoint and infers the test set")
    .argument("<checkpoint>", "a .safetensors file that a run wrote")
    .option("--data <dir>", "folder with MNIST-format files (default: MNIST itself)");
  addJsonOption(command);
  command.action((file: string, options: { data?: string; json?: boolean }) => {
    const checkpoint = readCheckpoint(file);
    const dataset = fittingDataset(file, checkpoint, options.data);
    const test = evaluated(checkpoint, dataset);
    const { step } = checkpoint;
    if (options.json) {
      const { accuracy: testAccuracy, loss: testLoss, count } = test;
      const line = { event: "evaluated", step, testAccuracy, testLoss, count };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    } else {
      process.stderr.write(
        `${file}: step ${step}, ${test.count} test images, mean loss ${shortNumber(test.loss)}\n`,
      );
      process.stdout.write(`test accuracy ${shortNumber(test.accuracy)}\n`);
    }
    exitWith(0);
  });
}

function fittingDataset(file: string, { config }: Checkpoint, folder: string | undefined): Dataset {
  const dataset = loadDataset(folder ?? mnistFolder(), 0);
  if (folder === undefined && dataset.digest !== config.data.digest) {
    throw new TandemError(
      "data-mismatch",
      `${file} was not trained on MNIST. Give the folder of its data, or of other data of the same kind, with --data.`,
    );
  }
  const { height, width, classes } = config.data;
  const fits =
    dataset.image.height === height &&
    dataset.image.width === width &&
    dataset.classCount <= classes;
  if (fits) return dataset;
  throw new TandemError(
    "data-mismatch",
    `${file} takes images of ${height} × ${width} pixels in ${classes} classes, the data has ${dataset.image.height} × ${dataset.image.width} in ${dataset.classCount}. Give data of the kind that it was trained on with --data.`,
  );
}

/** A network of its own, restored from the file; with the run's threads, so that the figures are the run's to the last bit. */
function evaluated({ config, tensors, step }: Checkpoint, dataset: Dataset): Accuracy {
  const tf = loadTensorFlow(config.threads);
  const replica = new Replica(tf, networkOfRun(config), "weights-only", tensors, step);
  const pieces = evaluationPieces(dataset.test, dataset.image);
  const progress = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined;
  const answers = pieces.map((samples, index) => {
    progress?.(`evaluating, ${index} of ${pieces.length}`);
    return { samples, result: evaluationResult(replica, samples) };
  });
  progress?.clear();
  progress?.done();
  return accuracyOf(answers);
}
