// A run as it was asked for, by the command line or by a program: what it computes, on what, with whom, and where it goes.
import type { BroadcastKind, RunConfig } from "../shared/config.js";
import type { DataSource } from "../shared/data/samples.js";
import type { Events } from "../shared/events.js";
import type { NamedFile } from "./output-files.js";
import type { RecipeName } from "./recipes.js";
import type { RunChoices } from "./run-choices.js";

export interface RunRequest {
  choices: RunChoices;
  /** Stands for choices and steps that are not given. */
  recipe?: RecipeName | undefined;
  /** Steps of training in all. Default: 10,000 */
  steps?: number | undefined;
  /** @param resumed the configuration of the run that goes on */
  loadData: (resumed: RunConfig | undefined) => Promise<DataSource>;
  /** The data is this run's alone, and closed with it. Default: false */
  closesData?: boolean;
  /** For messages: "The data in FOLDER". */
  dataName: string;
  /** A checkpoint to go on from. */
  resume?: string | undefined;
  /** Weights to start from: a checkpoint, or a Keras model.json beside its weights. */
  initial?: string | undefined;
  workforce: Workforce;
  /** Default: 100; 0: only at the end */
  evalEvery?: number | undefined;
  /** Default: 1,000; 0: only at the end */
  checkpointEvery?: number | undefined;
  /** Machines whose results differ in the last bits may take part, and a run goes on on one. Default: false */
  mixedNumerics?: boolean | undefined;
  /** Default: weights */
  broadcast?: BroadcastKind | undefined;
  output: string;
  /** For TensorBoard and the run's log; undefined: neither is written. */
  summaryDir?: string | undefined;
  /** The caller's, checked with the other outputs. */
  logFile?: string | undefined;
  /** Other files that the run reads, none of which may be an output. */
  inputs?: readonly NamedFile[];
  /** What is reported besides events: sentences for people. */
  warn: (sentence: string) => void;
  /** Adds the readers of the run's events. */
  observe: (events: Events) => void;
  /** Aborted: the run ends after the step in progress, with a checkpoint. A reason that is a text is reported. */
  signal?: AbortSignal | undefined;
  /** Called with a function that ends the run's own worker processes at once. */
  onWorkers?: (killAll: () => void) => void;
}

/** Certificate and key in PEM. Not Node's Buffer: the types of the library need no other package's. */
export interface TlsIdentity {
  cert: string | Uint8Array;
  key: string | Uint8Array;
}

/** Who computes. */
export type Workforce =
  /** This process. */
  | { kind: "in-process" }
  /** So many on this machine, in processes that the run starts itself. */
  | ({ kind: "processes"; count: number; token: string } & PoolRequest)
  /** Whoever connects. */
  | ({
      kind: "listen";
      host: string;
      port: number;
      token: string | undefined;
      tls: TlsIdentity | undefined;
      /** Listen beyond this machine without a token. */
      isInsecure: boolean;
      minWorkers: number;
    } & PoolRequest);

interface PoolRequest {
  /** How long the run waits for enough workers. */
  workerWaitMs: number;
  /** Share of the shards that two workers compute, compared bit by bit. */
  verify: number;
  /** The coordinator's process is one of the workers. */
  coordinatorComputes: boolean;
}

/** How a run ended: finished, with the metrics of the test set, or interrupted. */
export type RunResult =
  | { ended: "finished"; step: number; path: string; testAccuracy?: number; testLoss: number }
  /** By the signal; the checkpoint at `path` is of `step`. */
  | { ended: "interrupted"; step: number; path: string };
