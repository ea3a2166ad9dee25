// What a schedule knows about tasks and workers.

export interface ScheduledTask {
  id: number;
  /** Tasks of one kind take about the same time. */
  kind: string;
  /** If it is the task of a shard. */
  shard?: number;
}

/** What a schedule needs to know about workers. */
export interface WorkerTraits<W> {
  /** Answers of workers with the same origin do not confirm each other. */
  originOf?: (worker: W) => unknown;
  /** How many tasks the worker can compute at a time at present. */
  capacityOf?: (worker: W) => number;
}

export interface Assignment<W, T extends ScheduledTask> {
  worker: W;
  task: T;
  /** A backup task: the worker that holds it is a straggler. */
  isBackup: boolean;
}

/** A task that still needs answers. */
export interface OpenTask<W, T> {
  task: T;
  /** Answers that are still required, each from a different origin. */
  missingAnswers: number;
  holders: Set<W>;
  /** Workers that returned it unanswered. */
  returnedBy: Set<W>;
  /** Workers that have answered it and may not be assigned it again. */
  excluded: Set<W>;
  /** Origins of those workers. */
  excludedOrigins: Set<unknown>;
}
