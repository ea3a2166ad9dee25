// What a schedule knows of a task, and of who holds it.

export interface ScheduledTask {
  id: number;
  /** Tasks of one kind take about as long. */
  kind: string;
  /** Where it is that of a shard. */
  shard?: number;
}

/** What a schedule must know of workers. */
export interface WorkerTraits<W> {
  /** Where a worker comes from: answers of one origin do not confirm each other. */
  originOf?: (worker: W) => unknown;
  /** How many tasks it computes at a time, now. */
  capacityOf?: (worker: W) => number;
}

export interface Assignment<W, T extends ScheduledTask> {
  worker: W;
  task: T;
  /** A backup task: another worker holds it already, and is late. */
  isBackup: boolean;
}

/** A task at a worker. */
export interface Held {
  /** When the worker was given it, or could go on with it. */
  sinceMs: number;
  /** Barriers that it has come to; the time between two of them is a phase. */
  phase: number;
  /** It waits at the last of those barriers: the worker owes nothing. */
  isWaiting: boolean;
}

/** A task that is not answered yet, or not often enough. */
export interface OpenTask<W, T> {
  task: T;
  /** Answers that are still wanted, each from another worker. */
  wanted: number;
  holders: Set<W>;
  /** Workers that were assigned it and have given it back. */
  returnedBy: Set<W>;
  /** Workers that may not have it: they have answered it. */
  excluded: Set<W>;
  /** Origins that may not have it either: each answer that is still wanted must come from another one. */
  excludedOrigins: Set<unknown>;
}
