// Page updates: what the page is sent, one JSON object per line. The same updates come live, from a run's log, and inside an
// exported file. `at` is in milliseconds since 1970. "Packed" arrays are base64 of little-endian float32.
import type { BroadcastKind } from "../../../shared/config.js";
import type { PhaseTrace, TaskTrace } from "../../../shared/events.js";
import type { WorkerKind } from "../../../shared/protocol/messages.js";
import type { RunDescription } from "../run-description.js";
import type { RunSettings } from "./run-settings.js";

/** Mean and variance of a layer, one value per channel, packed. */
export interface PackedMoments {
  mean: string;
  variance: string;
}

export interface LayerStatistics {
  name: string;
  /** What the shards were normalised with: of some shards where there are many, and in the newest update only. */
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

/** Of grey (1 channel) or RGB (3 channels) pictures. */
export interface PictureShape {
  height: number;
  width: number;
  channels: number;
}

/** A test sample whose predicted class is not its label. */
export interface WrongSample {
  index: number;
  label: number;
  predicted: number;
  /** base64, one byte per value, row by row with the channels together. */
  pixels: string;
}

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
  /** The run so far follows: the page drops what it knows. */
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
    }
  | { kind: "steps"; at: number; steps: number[]; losses: number[]; durationsMs: number[] }
  /** Accuracies where the targets are classes; at the end of a run of the test set alone. */
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
  | { kind: "trace"; at: number; step: number; tasks: TaskTrace[]; phases: PhaseTrace[] }
  | { kind: "statistics"; at: number; step: number; layers: LayerStatistics[] }
  /** What was predicted for the test set, where the targets are classes. */
  | {
      kind: "mistakes";
      at: number;
      step: number;
      /** Samples of the test set. Logs of earlier versions have none. */
      testCount?: number;
      /** Rows: the label; columns: the predicted class. Missing where there are too many classes. */
      confusion?: number[][];
      /** Missing where the inputs are no pictures. */
      picture?: PictureShape;
      wrong: WrongSample[];
    }
  /** Predicted and true values of some test samples, where the targets are values. */
  | {
      kind: "scatter";
      at: number;
      step: number;
      /** Values per sample in the packed arrays: the first ones of each target. */
      valueCount: number;
      targets: string;
      predictions: string;
    }
  | { kind: "end"; at: number; step: number; testAccuracy?: number; testLoss: number };

export type PageUpdateKind = PageUpdate["kind"];
export type PageUpdateOf<K extends PageUpdateKind> = PageUpdate & { kind: K };
export type PageUpdateSink = (update: PageUpdate) => void;
