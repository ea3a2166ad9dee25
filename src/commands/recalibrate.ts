import { type Command, Option } from "commander";
import { createLogUpdate } from "log-update";
import { ConsoleSink } from "../coordinator/observe/sinks/console.js";
import { JsonSink } from "../coordinator/observe/sinks/json.js";
import { progressText } from "../coordinator/observe/sinks/narration.js";
import { dataFiles } from "../run/output-files.js";
import { recalibrateCheckpoint, recalibrationWorkforce } from "../run/recalibrate.js";
import { MAX_THREADS } from "../shared/config.js";
import { mnistFolder } from "../shared/data/files/mnist.js";
import { openData } from "../shared/data/files/open-data.js";
import { ENGINE_NAMES, type EngineName } from "../shared/engine/engine.js";
import type { Events } from "../shared/events.js";
import { Interrupts } from "./interrupts.js";
import { addJsonOption, seconds, wholeNumber } from "./options.js";

interface RecalibrateCommandOptions {
  output: string;
  workers?: number;
  workerWait: number;
  data?: string;
  engine?: EngineName;
  threads?: number;
  json?: boolean;
}

const MAX_LOCAL_WORKERS = 256;

export function recalibrateCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("recalibrate")
    .description("writes a checkpoint with the population statistics of the whole training set")
    .argument("<checkpoint>", "a .safetensors file that a run wrote")
    .requiredOption("--output <file>", "the new checkpoint file")
    .option(
      "--workers <n>",
      "worker processes (default: this process computes)",
      wholeNumber(1, MAX_LOCAL_WORKERS),
    )
    .addOption(
      new Option("--worker-wait <seconds>", "how long to wait for enough workers")
        .argParser(seconds)
        .default(600_000, "600"),
    )
    .option("--data <path>", "file or folder of the data it was trained on (default: MNIST)")
    .addOption(
      new Option(
        "--engine <name>",
        "engine (default: the one that the checkpoint was trained with)",
      ).choices(ENGINE_NAMES),
    )
    .option(
      "--threads <n>",
      "the engine's threads in each process (default: those of the checkpoint's engine)",
      wholeNumber(1, MAX_THREADS),
    );
  addJsonOption(command);
  command.action(async (checkpoint: string, options: RecalibrateCommandOptions) => {
    const { output, workers, workerWait, engine, threads } = options;
    const folder = options.data ?? mnistFolder();
    let killWorkers: () => void = () => undefined;
    const interrupts = new Interrupts(() => killWorkers());
    const result = await recalibrateCheckpoint({
      ...{ checkpoint, output, engine, threads },
      loadData: (config) =>
        openData(options.data, { validationSize: config.validationSize, known: config }),
      inputs: dataFiles(folder),
      workforce: recalibrationWorkforce(workers, workerWait),
      warn: (sentence) => process.stderr.write(`${sentence}\n`),
      observe: (events) => addSinks(events, options.json === true),
      signal: interrupts.signal,
      onWorkers: (killAll) => (killWorkers = killAll),
    });
    exitWith(result.ended === "interrupted" ? interrupts.exitCode : 0);
  });
}

function addSinks(events: Events, json: boolean): void {
  if (process.stderr.isTTY) {
    const progress = createLogUpdate(process.stderr);
    events.add({
      name: "the terminal",
      handle: (event) => {
        if (event.event === "progress") progress(progressText(event));
        else progress.clear();
      },
      close: () => progress.done(),
    });
  }
  events.add(
    new ConsoleSink(process.stderr, {
      ...{ name: "standard error", level: "info" },
      accepts: () => true,
    }),
  );
  if (json) events.add(new JsonSink(process.stdout));
}
