// The options that describe a run: its configuration, its data and its files. Their defaults are shown here and applied in
// src/run, which also knows what a program, rather than a command line, did not give.
import { type Command, Option } from "commander";
import { LOSS_NAMES, type LossName } from "../run/losses.js";
import { DEFAULT_LEARNING_RATE, OPTIMIZER_NAMES, type OptimizerName } from "../run/optimizers.js";
import { RECIPE_NAMES, type RecipeName } from "../run/recipes.js";
import { DEFAULTS } from "../run/run-choices.js";
import { SCHEDULE_NAMES, type ScheduleName } from "../run/schedules.js";
import {
  type BroadcastKind,
  BROADCASTS,
  MAX_THREADS,
  type PopulationKind,
  POPULATIONS,
} from "../shared/config.js";
import type { AugmentationSpec } from "../shared/data/augmentation.js";
import type { PictureSize } from "../shared/data/files/pictures/picture-kinds.js";
import { LABEL_KINDS, type LabelKind } from "../shared/data/files/tables/table-label.js";
import { ENGINE_NAMES, type EngineName } from "../shared/engine/engine.js";
import { BATCH_NORMS, type BatchNormKind } from "../shared/statistics/barrier.js";
import {
  augmentation,
  fraction,
  fractionBelowOne,
  numberFromZero,
  pictureSize,
  positiveNumber,
  wholeNumber,
} from "./options.js";

/** What the commander hands over, after the parsers below. */
export interface TrainingOptions {
  steps: number;
  recipe?: RecipeName;
  batchSize: number;
  shards?: number;
  batchNorm: BatchNormKind;
  population: PopulationKind;
  augment?: AugmentationSpec;
  seed: number;
  engine?: EngineName;
  threads: number;
  network: string;
  initial?: string;
  loss?: LossName;
  labelSmoothing?: number;
  huberDelta?: number;
  optimizer: OptimizerName;
  learningRate: number;
  momentum?: number;
  beta1?: number;
  beta2?: number;
  rho?: number;
  epsilon?: number;
  weightDecay?: number;
  clipNorm?: number;
  schedule: ScheduleName;
  warmup?: number;
  data?: string;
  label?: string;
  labelKind?: LabelKind;
  pictureSize?: PictureSize;
  validationSize?: number;
  evalEvery: number;
  checkpointEvery: number;
  summaryDir: string;
  output: string;
  resume?: string;
  autoResume?: boolean;
  mixedNumerics?: boolean;
  broadcast: BroadcastKind;
}

const MAX_NUMBER = 1e6;
const MAX_CLIP_NORM = 1e18;

export function addTrainingOptions(command: Command, shardsDefault: string): Command {
  addRunOptions(command, shardsDefault);
  addNetworkOptions(command);
  addOptimizerOptions(command);
  return addFileOptions(command);
}

function addRunOptions(command: Command, shardsDefault: string): void {
  command
    .addOption(
      new Option(
        "--recipe <name>",
        "a named set of options, printed at the start; options that you give replace its own",
      ).choices(RECIPE_NAMES),
    )
    .option("--steps <n>", "training steps in total", wholeNumber(0), DEFAULTS.steps)
    .option(
      "--batch-size <n>",
      "samples per step (the global batch)",
      wholeNumber(1, 1e6),
      DEFAULTS.batchSize,
    )
    .option(
      "--shards <n>",
      `shards of a batch, each computed by one worker (default: ${shardsDefault})`,
      wholeNumber(1, 1e6),
    )
    .addOption(
      new Option(
        "--batch-norm <kind>",
        "normalise each shard with its own moments (ghost), or with those of the whole batch (sync)",
      )
        .choices(BATCH_NORMS)
        .default("ghost"),
    )
    .addOption(
      new Option(
        "--population <what>",
        "what inference normalises with: a moving average, one without the bias of its starting values, or the statistics of the whole training set",
      )
        .choices(POPULATIONS)
        .default("ema"),
    )
    .option(
      "--augment <kinds>",
      "vary training images: a comma-separated list of shift=PIXELS, flip, rotate=DEGREES, scale=FRACTION, cutout=PIXELS",
      augmentation,
    )
    .option(
      "--seed <n>",
      "seed for the initial weights and the order of the samples",
      wholeNumber(0),
      DEFAULTS.seed,
    )
    .addOption(engineOption())
    .option(
      "--threads <n>",
      "the engine's threads in each process",
      wholeNumber(1, MAX_THREADS),
      DEFAULTS.threads,
    )
    .addOption(
      new Option("--broadcast <what>", "what workers receive after each step")
        .choices(BROADCASTS)
        .default("weights"),
    );
}

/** For every command that computes. */
export function engineOption(): Option {
  return new Option(
    "--engine <name>",
    "engine (default: tensorflow if it is set up, otherwise wasm)",
  ).choices(ENGINE_NAMES);
}

function addNetworkOptions(command: Command): void {
  command
    .option(
      "--network <name>",
      "cnn, cnn-plain, sigmoid, sigmoid-plain, or a model file in Keras's JSON format",
      DEFAULTS.network,
    )
    .option(
      "--initial <file>",
      "weights to start from: a checkpoint, or a Keras model.json with its weights beside it",
    )
    .addOption(
      new Option("--loss <name>", "loss (default: chosen by network and data)").choices(LOSS_NAMES),
    )
    .option(
      "--label-smoothing <x>",
      "share of each target spread over all classes (default: 0)",
      fractionBelowOne,
    )
    .option(
      "--huber-delta <x>",
      "error at which huber changes from square to linear (default: 1)",
      positiveNumber(MAX_NUMBER),
    );
}

function addOptimizerOptions(command: Command): void {
  command
    .addOption(
      new Option("--optimizer <name>", "optimizer").choices(OPTIMIZER_NAMES).default("adam"),
    )
    .option(
      "--learning-rate <x>",
      "learning rate, the peak of the schedule",
      positiveNumber(MAX_NUMBER),
      DEFAULT_LEARNING_RATE,
    )
    .option("--momentum <x>", "momentum of the momentum optimizer (default: 0.9)", fractionBelowOne)
    .option(
      "--beta1 <x>",
      "decay of the first moment in adam and adamw (default: 0.9)",
      fractionBelowOne,
    )
    .option(
      "--beta2 <x>",
      "decay of the second moment in adam and adamw (default: 0.999)",
      fractionBelowOne,
    )
    .option("--rho <x>", "decay of the mean square in rmsprop (default: 0.9)", fractionBelowOne)
    .option(
      "--epsilon <x>",
      "keeps the divisor above 0 in adam, adamw and rmsprop (default: 1e-8)",
      positiveNumber(1),
    )
    .option(
      "--weight-decay <x>",
      "decoupled weight decay, applied to kernels only (default: 0; adamw: 0.01)",
      numberFromZero(MAX_NUMBER),
    )
    .option(
      "--clip-norm <x>",
      "limit on the norm of all gradients together (default: no limit)",
      positiveNumber(MAX_CLIP_NORM),
    )
    .addOption(
      new Option("--schedule <name>", "learning-rate schedule")
        .choices(SCHEDULE_NAMES)
        .default("constant"),
    )
    .option(
      "--warmup <fraction>",
      "fraction of the steps over which the rate warms up (default: 0; one-cycle: 0.3)",
      fraction,
    );
}

function addFileOptions(command: Command): Command {
  return command
    .option("--data <path>", "file or folder of data (default: MNIST)")
    .option(
      "--label <column>",
      "for a table: the column to predict (default: the only one called label, target or class)",
    )
    .addOption(
      new Option(
        "--label-kind <kind>",
        "for a table: whether that column holds classes or values (default: inferred from its contents)",
      ).choices(LABEL_KINDS),
    )
    .option(
      "--picture-size <HxW>",
      "size that pictures are resized to, such as 64x64, or 64x64x1 for grey (default: the network's or the pictures' own)",
      pictureSize,
    )
    .option(
      "--validation-size <n>",
      "training samples held out for validation (default: 5000, at most a tenth of them)",
      wholeNumber(0),
    )
    .option(
      "--eval-every <n>",
      "steps between evaluations (0: only at the end)",
      wholeNumber(0),
      100,
    )
    .option(
      "--checkpoint-every <n>",
      "steps between checkpoints (0: only at the end)",
      wholeNumber(0),
      1000,
    )
    .option(
      "--summary-dir <dir>",
      "folder for TensorBoard event files and the run's log",
      "summary",
    )
    .option("--output <file>", "checkpoint file", "checkpoint.safetensors")
    .option("--resume <file>", "continue from this checkpoint")
    .option(
      "--auto-resume",
      "continue from the checkpoint at --output if there is one, for automatic restarts",
    )
    .option(
      "--mixed-numerics",
      "accept workers, and resume, even if their results differ in the last bits; the checkpoint is marked",
    );
}
