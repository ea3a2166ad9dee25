import { type Command, Option } from "commander";
import { EXPORT_FORMATS, type ExportFormat } from "../export/export-format.js";
import { exportCheckpoint } from "../export/export-model.js";
import { checkCard, writeCard } from "../export/write-card.js";
import { inspectCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { openData } from "../shared/data/files/open-data.js";
import { TandemError } from "../shared/errors.js";
import { addJsonOption } from "./options.js";

interface ExportCommandOptions {
  format: ExportFormat;
  output: string;
  card?: string;
  data?: string;
  summaryDir?: string;
  json?: boolean;
}

export function exportCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("export")
    .description("writes a checkpoint's network in a format for other programs")
    .argument("<checkpoint>", "a .safetensors file that a run wrote")
    .addOption(
      new Option("--format <name>", "format").choices(EXPORT_FORMATS).makeOptionMandatory(),
    )
    .requiredOption("--output <path>", "file (keras, onnx) or folder (saved-model, tfjs)")
    .option("--card <file>", "also write a model card, as Markdown")
    .option("--data <path>", "for the card: evaluate on the test set of this data")
    .option("--summary-dir <dir>", "for the card: the run's --summary-dir, for its curve");
  addJsonOption(command);
  command.action(async (file: string, options: ExportCommandOptions) => {
    const { format, output, card, data, summaryDir } = options;
    if (card === undefined && (data !== undefined || summaryDir !== undefined)) {
      throw new TandemError(
        "usage",
        "--data and --summary-dir are for the model card. Give --card too.",
      );
    }
    if (card !== undefined) checkCard(card, inspectCheckpoint(file).config, [file, output]);
    const checkpoint = await exportCheckpoint(file, format, output);
    if (card !== undefined) {
      // MNIST needs no name: it is installed with Tandem.
      const mnist = await openData(undefined, { validationSize: 0 });
      const isMnist = mnist.digest === checkpoint.config.data.digest;
      const given =
        data === undefined
          ? undefined
          : await openData(data, { validationSize: 0, known: checkpoint.config });
      const test = given ?? (isMnist ? mnist : undefined);
      await writeCard({ card, file, format, data: test, summaryDir, isMnist }, checkpoint);
      if (!options.json) process.stderr.write(`${card} written\n`);
    }
    const text = options.json
      ? JSON.stringify({ event: "exported", format, path: output })
      : `${output} written`;
    process.stdout.write(`${text}\n`);
    exitWith(0);
  });
}
