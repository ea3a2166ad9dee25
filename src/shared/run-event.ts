// The events of a run.
import type { BroadcastKind, RunConfig } from "./config.js";
import type { Samples, TargetSpec } from "./data/samples.js";
import type { WorkerKind } from "./protocol/messages.js";
import type { Moments, PopulationStatistics } from "./statistics/moments.js";

export type RunEvent =
  /**
   * The coordinator accepts workers at `url`, and at all of `urls`: if it listens on every interface, the addresses that other
   * machines can reach come after the loopback one.
   */
  | { event: "listening"; url: string; urls: string[]; needsToken: boolean }
  /** Before `start`, with `--recipe`: the options it stands for, and those of them that were given and take precedence. */
  | {
      event: "recipe";
      name: string;
      options: Readonly<Record<string, string | number>>;
      overridden: Readonly<Record<string, string | number>>;
    }
  /**
   * Before `start`: the data. `path` is missing for MNIST and for a program's own data. The numbers are numbers of samples.
   * `description` says all of it in one line.
   */
  | {
      event: "data";
      kind: string;
      path?: string;
      training: number;
      validation: number;
      test: number;
      inputShape: readonly number[];
      target: TargetSpec;
      classNames?: readonly string[];
      description: string;
    }
  /** Training is about to begin, or to continue at `step`. */
  | {
      event: "start";
      config: RunConfig;
      step: number;
      steps: number;
      broadcast: BroadcastKind;
      parameterCount: number;
    }
  /**
   * After `start`, with `--initial`: which layers take the file's weights, which are initialized randomly, and which of the
   * file's layers are not used.
   */
  | {
      event: "initial-weights";
      file: string;
      taken: string[];
      drawn: string[];
      unused: string[];
    }
  /** `kind`: what a worker that joined runs in, or that it is a relay. */
  | {
      event: "worker";
      name: string;
      state: "joined" | "left" | "rejected";
      kind?: WorkerKind;
      reason?: string;
    }
  /** A task whose worker is a straggler was assigned to a second worker as well. */
  | { event: "backup"; step: number; task: string; worker: string }
  /** With `--broadcast updates`: a worker's weights differed from the coordinator's and are replaced by them. */
  | { event: "divergence"; step: number; worker: string }
  /** The run is paused until something happens, or until `deadlineSeconds` have passed. */
  | { event: "waiting"; reason: string; deadlineSeconds: number }
  | { event: "step"; step: number; loss: number; durationMs: number; sampleCount: number }
  /**
   * After each step: when its parts ran, in milliseconds since its tasks were assigned. With `--broadcast updates` the
   * coordinator's optimizer runs during the next step.
   */
  | {
      event: "trace";
      step: number;
      tasks: TaskTrace[];
      /** The coordinator's own work, in order. If buckets take their steps early, some phases occur more than once. */
      phases: PhaseTrace[];
    }
  /** The moments that each shard was normalised with in a step, and the population statistics after the step. */
  | {
      event: "moments";
      step: number;
      shards: readonly ReadonlyMap<string, Moments>[];
      population: ReadonlyMap<string, PopulationStatistics>;
    }
  /**
   * How many tasks are answered. `evaluation`: of a step with an evaluation. `population`: of those that compute the statistics
   * of the whole training set.
   */
  | { event: "progress"; activity: "evaluation" | "population"; done: number; total: number }
  /** The population statistics are now those of the whole training set. */
  | { event: "population"; step: number; samples: number }
  /** At the end of `recalibrate`: the checkpoint with these statistics has been written. */
  | { event: "recalibrated"; path: string; samples: number }
  /** At evaluations: a sample of the values of weights, gradients and statistics. */
  | { event: "histograms"; step: number; values: readonly { name: string; values: Float32Array }[] }
  /** At evaluations: what was predicted for the test set, batch by batch: class numbers, or the outputs. */
  | {
      event: "predictions";
      step: number;
      predictions: readonly (Int32Array | Float32Array)[];
      /** Of the same batches. In a large test set only the first batches have inputs. */
      samples: readonly Samples[];
    }
  /** Accuracies if the targets are classes. */
  | {
      event: "evaluation";
      step: number;
      trainAccuracy?: number;
      testAccuracy?: number;
      trainLoss: number;
      testLoss: number;
    }
  | { event: "checkpoint"; step: number; path: string }
  | { event: "checkpoint-failed"; step: number; path: string; reason: string }
  /** The run's first checkpoint replaced one of another run, which is kept under `previous`. */
  | { event: "checkpoint-kept"; path: string; previous: string }
  /**
   * Results that were used in the steps `from` to `to` came from a worker that turned out to compute wrongly: the final
   * checkpoint may not be the one that the configuration determines.
   */
  | { event: "degraded"; worker: string; from: number; to: number; reason: string }
  /**
   * With `--mixed-numerics`: since step `since`, a machine takes part whose results differ in the last bits (`numerics` is its
   * fingerprint), so the final checkpoint may not be the one that the configuration determines. Without `worker` it is the
   * coordinator's machine. Without `numerics` it took part before the run was resumed.
   */
  | { event: "mixed-numerics"; since: number; worker?: string; numerics?: string }
  /** A reader of events failed. The training continues; the reader is dropped, or tried again later. */
  | { event: "observer-failed"; observer: string; reason: string }
  | { event: "interrupted"; step: number; signal: string }
  | { event: "end"; step: number; testAccuracy?: number; testLoss: number; path: string };

/**
 * `aggregate`: gradients are summed, moments merged. `data`: waiting for the samples of the next step. `optimizer`: the
 * coordinator's own step. `broadcast`: weights or updates are encoded and handed to the sockets, with the next tasks.
 */
export interface PhaseTrace extends Span {
  phase: "aggregate" | "data" | "optimizer" | "broadcast";
}

export interface Span {
  fromMs: number;
  toMs: number;
}

/** When one task was handed to the socket, computed and answered. */
export interface TaskTrace {
  worker: string;
  task: "shard" | "evaluate";
  /** Of a shard. */
  shard?: number;
  samples: number;
  sentMs: number;
  computedFromMs: number;
  computedToMs: number;
  /** Of the time between the two, how long it waited for other shards at barriers. */
  waitedMs: number;
  answeredMs: number;
}

/** How long the computation took, without waiting. */
export function computeMsOf(
  times: Pick<TaskTrace, "computedFromMs" | "computedToMs" | "waitedMs">,
): number {
  return Math.max(0, times.computedToMs - times.computedFromMs - times.waitedMs);
}

/** Events that are not reported to programs and logs: they contain whole arrays or occur at every step. */
const INTERNAL = ["trace", "moments", "histograms", "predictions", "progress"] as const;

/** A run's events as programs and logs receive them. `event` says which one it is. */
export type ReportedEvent = Exclude<RunEvent, { event: (typeof INTERNAL)[number] }>;

export function isReported(event: RunEvent): event is ReportedEvent {
  return !INTERNAL.some((internal) => internal === event.event);
}
