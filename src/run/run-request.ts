// The request for a run, from the command line or a program: choices, data, workers and outputs.
import type { BroadcastKind, RunConfig } from "../shared/config.js";
import type { DataSource } from "../shared/data/samples.js";
import type { Events } from "../shared/events.js";
import type { NamedFile } from "./output-files.js";
import type { RecipeName } from "./recipes.js";
import type { RunChoices } from "./run-choices.js";

export interface RunRequest {
  choices: RunChoices;
  /** Provides choices and steps that are not given. */
  recipe?: RecipeName | undefined;
  /** Total number of training steps. Default: 10,000 */
  steps?: number | undefined;
  /** @param resumed configuration of the checkpoint that is resumed from */
  loadData: (resumed: RunConfig | undefined) => Promise<DataSource>;
  /** Close the data when the run ends. Default: false */
  closesData?: boolean;
  /** For messages: "The data in FOLDER". */
  dataName: string;
  /** Path of a checkpoint to resume from. */
  resume?: string | undefined;
  /** Path of the initial weights: a checkpoint, or a Keras model.json with its weight files. */
  initial?: string | undefined;
  workforce: Workforce;
  /** Default: 100; 0: only at the end */
  evalEvery?: number | undefined;
  /** Default: 1,000; 0: only at the end */
  checkpointEvery?: number | undefined;
  /** Machines whose results differ in the last bits may take part, and may resume the run. Default: false */
  mixedNumerics?: boolean | undefined;
  /** Default: weights */
  broadcast?: BroadcastKind | undefined;
  output: string;
  /** Folder for TensorBoard's event files and the run's log; undefined: neither is written. */
  summaryDir?: string | undefined;
  /** Written by the caller, but checked with the other outputs. */
  logFile?: string | undefined;
  /** Other files that the run reads; no output may be one of them. */
  inputs?: readonly NamedFile[];
  /** Called with warnings, each a sentence. */
  warn: (sentence: string) => void;
  /** Must add the sinks for the run's events. */
  observe: (events: Events) => void;
  /** When aborted, the run ends after the step in progress, with a checkpoint. A reason that is a string is reported. */
  signal?: AbortSignal | undefined;
  /** Called with a function that ends the run's own worker processes at once. */
  onWorkers?: (killAll: () => void) => void;
}

/** Certificate and key in PEM. Not typed as Node's Buffer, so that the library's types need no other package. */
export interface TlsIdentity {
  cert: string | Uint8Array;
  key: string | Uint8Array;
}

/** Who computes. */
export type Workforce =
  /** This process. */
  | { kind: "in-process" }
  /** Worker processes on this machine that the run starts itself. */
  | ({ kind: "processes"; count: number; token: string } & PoolRequest)
  /** Workers that connect to a port. */
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
  /** The signal was aborted; the checkpoint at `path` is of `step`. */
  | { ended: "interrupted"; step: number; path: string };
