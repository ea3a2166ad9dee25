// Page updates: what the page receives, one JSON object per line. A live run, a run's log and an exported page use the same
// updates. `at` is in milliseconds since 1970. "Packed" arrays are base64 of little-endian float32.
import type { BroadcastKind } from "../../../shared/config.js";
import type { WorkerKind } from "../../../shared/protocol/messages.js";
import type { PhaseTrace, TaskTrace } from "../../../shared/run-event.js";
import type { RunDescription } from "../run-description.js";
import type { RunSettings } from "./run-settings.js";

/** Mean and variance of a layer's inputs, one value per channel, packed. */
export interface PackedMoments {
  mean: string;
  variance: string;
}

export interface LayerStatistics {
  name: string;
  /** What the shards were normalised with. If there are many shards, of some of them; in the newest update only. */
  shards: PackedMoments[];
  merged: PackedMoments;
  population: PackedMoments;
}

export interface WorkerRow {
  name: string;
  state: "working" | "left" | "rejected";
  reason?: string;
  kind: WorkerKind;
  host: string;
  /** Shards and evaluation batches whose answers were used. */
  shards: number;
  evaluationBatches: number;
  /** Samples of those tasks. */
  samples: number;
  /** Total time computing shards. */
  shardMs: number;
  roundTripMs?: number;
  bytesUp: number;
  bytesDown: number;
  lastSeenMs: number;
}

/** When a step's tasks and the coordinator's phases began and ended, in milliseconds since the step began. */
export interface StepTrace {
  step: number;
  tasks: TaskTrace[];
  phases: PhaseTrace[];
}

/** Of grey (1 channel) or RGB (3 channels) pictures. */
export interface PictureShape {
  height: number;
  width: number;
  channels: number;
}

/** A test sample as the page shows it: as a picture if the inputs are pictures, otherwise as a row of a table. */
export interface ShownSample {
  /** In the test set. */
  index: number;
  /** base64, one byte per value, row by row with the channels together. */
  pixels?: string;
  /** The values of the first columns, in the data's own units; null: not a number. */
  row?: (string | number | null)[];
}

/** A test sample whose predicted class is not its label. */
export interface WrongSample extends ShownSample {
  label: number;
  predicted: number;
}

/** A test sample whose values were predicted worse than most. */
export interface WorstSample extends ShownSample {
  targets: (number | null)[];
  predictions: (number | null)[];
}

/** Test samples of one label that were predicted as another class. */
export type ConfusedPair = [label: number, predicted: number, count: number];

/** How well one value is predicted for the whole test set; null if it is not defined. */
export interface OutputMetrics {
  /** 1 − Σ(y − ŷ)²/Σ(y − ȳ)² */
  r2: number | null;
  /** √(mean of (y − ŷ)²) */
  rmse: number | null;
  /** Mean of |y − ŷ|. */
  mae: number | null;
}

/** A value that a person can enter to have a sample predicted. */
export type InputColumn =
  /** The network's input is (x − mean)/scale. */
  | { name: string; kind: "number"; mean: number; scale: number }
  /** One input per category: 1 for the sample's own, else 0. */
  | { name: string; kind: "category"; categories: string[] };

export type MarkKind =
  | "joined"
  | "left"
  | "rejected"
  | "backup"
  | "divergence"
  | "waiting"
  | "checkpoint"
  | "checkpoint-failed"
  | "checkpoint-kept"
  | "degraded"
  | "mixed-numerics"
  | "observer-failed"
  | "interrupted";

export type PageUpdate =
  /** The run so far follows: the page drops everything it has. */
  | { kind: "reset"; canPredict: boolean }
  | {
      kind: "start";
      at: number;
      description: RunDescription;
      /** The whole configuration. Logs of earlier versions have none. */
      settings?: RunSettings;
      step: number;
      steps: number;
      broadcast: BroadcastKind;
      parameterCount: number;
      classNames?: string[];
      /** If the inputs are few enough to enter by hand. */
      columns?: InputColumn[];
      /** The column of a table that is predicted. */
      label?: string;
    }
  | { kind: "steps"; at: number; steps: number[]; losses: number[]; durationsMs: number[] }
  /** Accuracies if the targets are classes. At the end of a run, of the test set only. */
  | {
      kind: "evaluation";
      at: number;
      step: number;
      trainAccuracy?: number;
      testAccuracy?: number;
      trainLoss?: number;
      testLoss: number;
    }
  | { kind: "mark"; at: number; step: number; what: MarkKind; worker?: string; text: string }
  | { kind: "workers"; at: number; workers: WorkerRow[] }
  | ({
      kind: "trace";
      at: number;
      /** Of the last 100 steps, only when it has changed. Logs of earlier versions have none. */
      slowest?: StepTrace;
    } & StepTrace)
  | { kind: "statistics"; at: number; step: number; layers: LayerStatistics[] }
  /** What was predicted for the test set, if the targets are classes. */
  | {
      kind: "mistakes";
      at: number;
      step: number;
      /** Samples of the test set. Logs of earlier versions have none. */
      testCount?: number;
      /** Test samples whose predicted class is not their label. Logs of earlier versions have none. */
      errorCount?: number;
      /** Rows: the label; columns: the predicted class. Missing if there are too many classes. */
      confusion?: number[][];
      /** The most frequent ones first. Only if the classes are too many for a readable matrix. */
      pairs?: ConfusedPair[];
      /** Missing if the inputs are not pictures. */
      picture?: PictureShape;
      /** Names of the columns of rows. Missing if the inputs are pictures. */
      columns?: string[];
      /** Some of each confused pair, as many as fit. */
      wrong: WrongSample[];
    }
  /** Predicted and true values of some test samples, if the targets are values. */
  | {
      kind: "scatter";
      at: number;
      step: number;
      /** Values per sample in the packed arrays: the first ones of each target. */
      valueCount: number;
      targets: string;
      predictions: string;
      /** Samples of the test set. Logs of earlier versions have neither this nor what follows. */
      testCount?: number;
      /** Of each of these values, over the whole test set. */
      metrics?: OutputMetrics[];
      picture?: PictureShape;
      columns?: string[];
      /** The worst ones first. */
      worst?: WorstSample[];
    }
  | {
      kind: "end";
      at: number;
      step: number;
      testAccuracy?: number;
      testLoss: number;
      /** Name of the checkpoint's file, without its folder. Logs of earlier versions have none. */
      file?: string;
    };

export type PageUpdateKind = PageUpdate["kind"];
export type PageUpdateOf<K extends PageUpdateKind> = PageUpdate & { kind: K };
export type PageUpdateSink = (update: PageUpdate) => void;
