import type { Command } from "commander";
import { createLogUpdate } from "log-update";
import { shortNumber } from "../coordinator/observe/number-text.js";
import { predictFiles } from "../predict/predict.js";
import type { Prediction } from "../predict/prediction.js";
import { pathText } from "../shared/data/files/bad-data.js";
import type { EngineName } from "../shared/engine/engine.js";
import { sanitizeText } from "../shared/text.js";
import { addJsonOption } from "./options.js";
import { engineOption } from "./training-options.js";

interface PredictCommandOptions {
  engine?: EngineName;
  invert?: boolean;
  label?: string;
  json?: boolean;
}

const SHOWN_VALUES = 8;
const MAX_LABEL_LENGTH = 60;

export function predictCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("predict")
    .description(
      "predicts pictures, IDX and NPY files or rows of tables with a checkpoint's network",
    )
    .argument("<checkpoint>", "a .safetensors file that a run wrote")
    .argument(
      "<files...>",
      "pictures, folders of pictures, IDX and NPY files, or CSV and TSV files",
    )
    .option("--invert", "invert pictures, for dark ink on light paper")
    .option("--label <column>", "a table column that is not an input")
    .addOption(engineOption());
  addJsonOption(command);
  command.action(async (file: string, paths: string[], options: PredictCommandOptions) => {
    const isProgressShown = process.stderr.isTTY && !process.stdout.isTTY;
    const progress = isProgressShown ? createLogUpdate(process.stderr) : undefined;
    const { engine, label, invert = false } = options;
    try {
      const predictions = predictFiles(file, paths, {
        ...{ engine, label, invert },
        onProgress: (index, count) => progress?.(`predicting, file ${index} of ${count}`),
        onNote: (sentence) => process.stderr.write(`${sentence}\n`),
      });
      for await (const prediction of predictions) {
        const line = options.json ? jsonOf(prediction, file) : textOf(prediction);
        process.stdout.write(`${line}\n`);
      }
    } finally {
      progress?.clear();
      progress?.done();
    }
    exitWith(0);
  });
}

function jsonOf(prediction: Prediction, checkpoint: string): string {
  return JSON.stringify({ event: "predicted", checkpoint, ...prediction });
}

/** `seven.png: 7 99.9 %, 9 0.1 %, 1 0.0 %`, or a network's values */
function textOf({ file, row, class: best, label, top, values = [] }: Prediction): string {
  const place = `${pathText(file)}${row === undefined ? "" : `, row ${row}`}`;
  if (top) {
    const classes = top.map((each) => {
      return `${nameOf(each.class, each.label)} ${(100 * each.probability).toFixed(1)} %`;
    });
    return `${place}: ${classes.join(", ")}`;
  }
  const shown = values.slice(0, SHOWN_VALUES).map(shortNumber).join(", ");
  const numbers = values.length > SHOWN_VALUES ? `${shown}, …` : shown;
  return `${place}: ${best === undefined ? "" : `class ${nameOf(best, label)}, outputs `}${numbers}`;
}

function nameOf(index: number, label: string | undefined): string {
  return label === undefined ? String(index) : sanitizeText(label, MAX_LABEL_LENGTH);
}
