// What the page is told, a JSON line each: the same lines come live, from a run's log, and inside an exported file.
// `at` is in milliseconds since 1970. Arrays of numbers are base64 of little-endian float32 where that is said.
import type { Broadcast, RunConfig } from "../../shared/config.js";
import type { PhaseTrace, TaskTrace } from "../../shared/events.js";

/** A layer's mean and variance by channel, each base64 of float32. */
export interface PackedMoments {
  mean: string;
  variance: string;
}

export interface LayerStatistics {
  name: string;
  /** Those that the shards were normalised with: of some of them, where there are many, and only in the newest line. */
  shards: PackedMoments[];
  merged: PackedMoments;
  population: PackedMoments;
}

export interface WorkerRow {
  name: string;
  state: "working" | "left" | "rejected";
  reason?: string;
  host: string;
  /** Tasks done, counted when their answer was taken. */
  shards: number;
  pieces: number;
  /** Samples of those tasks. */
  samples: number;
  /** Time computing shards, in all. */
  shardMs: number;
  roundTripMs?: number;
  bytesUp: number;
  bytesDown: number;
  lastSeenMs: number;
}

export interface WrongImage {
  index: number;
  label: number;
  taken: number;
  /** base64, a byte a pixel. */
  pixels: string;
}

export type MarkKind =
  | "joined"
  | "left"
  | "rejected"
  | "repeat"
  | "drift"
  | "waiting"
  | "checkpoint"
  | "checkpoint-failed"
  | "checkpoint-kept"
  | "degraded"
  | "observer-failed"
  | "interrupted";

export type Line =
  /** What follows is the whole run so far: what was known before is to be forgotten. */
  | { kind: "reset"; canPredict: boolean }
  | {
      kind: "start";
      at: number;
      config: RunConfig;
      step: number;
      steps: number;
      broadcast: Broadcast;
      parameterCount: number;
    }
  | { kind: "steps"; at: number; steps: number[]; losses: number[]; durationsMs: number[] }
  | {
      kind: "evaluation";
      at: number;
      step: number;
      trainAccuracy: number | null;
      testAccuracy: number;
    }
  | { kind: "mark"; at: number; step: number; what: MarkKind; worker?: string; text: string }
  | { kind: "workers"; at: number; workers: WorkerRow[] }
  | {
      kind: "trace";
      at: number;
      step: number;
      tasks: TaskTrace[];
      phases: PhaseTrace[];
    }
  | { kind: "statistics"; at: number; step: number; layers: LayerStatistics[] }
  | {
      kind: "mistakes";
      at: number;
      step: number;
      /** Rows: the label; columns: the class taken. */
      confusion: number[][];
      height: number;
      width: number;
      images: WrongImage[];
    }
  | { kind: "end"; at: number; step: number; testAccuracy: number; testLoss: number };
