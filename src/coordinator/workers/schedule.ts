// Who computes what: tasks go to free workers in order, a task whose worker is lost is reassigned, and one that a straggler
// holds gets a backup. A worker that has not answered anything yet is not relied on. Pure: the time is passed in.

export interface ScheduleLimits {
  /** A worker is a straggler after this many times what such tasks usually take … */
  stragglerFactor: number;
  /** … but not before this. */
  stragglerMinMs: number;
  /** As long as nothing is known about how long such tasks take. */
  stragglerFirstMs: number;
}

export const DEFAULT_LIMITS: ScheduleLimits = {
  stragglerFactor: 4,
  stragglerMinMs: 250,
  stragglerFirstMs: 30_000,
};

/** How many durations the usual one is taken from. */
const REMEMBERED = 31;

export interface ScheduledTask {
  id: number;
  /** Tasks of one kind take about as long. */
  kind: string;
}

export interface Assignment<W, T extends ScheduledTask> {
  worker: W;
  task: T;
  /** A backup task: another worker holds it already, and is late. */
  isBackup: boolean;
}

interface Holder {
  sinceMs: number;
}

interface OpenTask<W, T> {
  task: T;
  /** Answers that are still wanted, each from another worker. */
  wanted: number;
  holders: Map<W, Holder>;
  /** Workers that may not have it: they have answered it. */
  excluded: Set<W>;
  /** Origins that may not have it either: each answer that is still wanted must come from another one. */
  excludedOrigins: Set<unknown>;
}

/** @typeParam W what stands for a worker; compared by identity */
export class Schedule<W, T extends ScheduledTask> {
  private readonly limits: ScheduleLimits;
  private readonly originOf: (worker: W) => unknown;
  private readonly open = new Map<number, OpenTask<W, T>>();
  private readonly workers = new Map<W, Set<number>>();
  private readonly durations = new Map<string, number[]>();
  /** Workers that have answered a task since they joined. */
  private readonly proven = new Set<W>();

  /** @param originOf where a worker comes from: answers of one origin do not confirm each other */
  constructor(
    limits: ScheduleLimits = DEFAULT_LIMITS,
    originOf: (worker: W) => unknown = (worker) => worker,
  ) {
    this.limits = limits;
    this.originOf = originOf;
  }

  get openCount(): number {
    return this.open.size;
  }

  /**
   * @param wanted from how many different origins each task wants an answer
   * @param excluded workers that have answered these tasks: neither they nor others of their origins may have them
   */
  add(tasks: readonly T[], wanted = 1, excluded: readonly W[] = []): void {
    for (const task of tasks) {
      this.open.set(task.id, {
        ...{ task, wanted, holders: new Map() },
        excluded: new Set(excluded),
        excludedOrigins: new Set(excluded.map(this.originOf)),
      });
    }
  }

  /** The tasks are of no interest any more; answers to them count as late. */
  drop(taskIds: Iterable<number>): void {
    for (const id of taskIds) this.open.delete(id);
  }

  isOpen(taskId: number): boolean {
    return this.open.has(taskId);
  }

  /** True where the task waits for an answer that none of the workers there may give. */
  isStuck(taskId: number): boolean {
    const entry = this.open.get(taskId);
    if (!entry || entry.holders.size > 0) return false;
    return [...this.workers.keys()].every((worker) => !this.mayHold(entry, worker));
  }

  /** The worker may be given tasks from now on. */
  join(worker: W): void {
    if (!this.workers.has(worker)) this.workers.set(worker, new Set());
  }

  /** The worker will answer nothing more; what it held alone waits for another. */
  leave(worker: W): void {
    for (const id of this.workers.get(worker) ?? []) this.open.get(id)?.holders.delete(worker);
    this.workers.delete(worker);
    this.proven.delete(worker);
  }

  /**
   * Takes note of an answer.
   * @returns the task if its answer counts; undefined where the answer is late, repeated or was never asked for
   */
  answer(worker: W, taskId: number, nowMs: number): T | undefined {
    const held = this.workers.get(worker);
    if (!held?.delete(taskId)) return undefined;
    this.proven.add(worker);
    const entry = this.open.get(taskId);
    const holder = entry?.holders.get(worker);
    if (!entry || !holder) return undefined;
    entry.holders.delete(worker);
    entry.excluded.add(worker);
    entry.excludedOrigins.add(this.originOf(worker));
    if (--entry.wanted === 0) this.open.delete(taskId);
    this.remember(entry.task.kind, nowMs - holder.sinceMs);
    return entry.task;
  }

  /** Assigns what can be assigned now. */
  assign(nowMs: number): Assignment<W, T>[] {
    const assignments: Assignment<W, T>[] = [];
    const give = (worker: W, entry: OpenTask<W, T>, isBackup = false) => {
      entry.holders.set(worker, { sinceMs: nowMs });
      this.workers.get(worker)?.add(entry.task.id);
      assignments.push({ worker, task: entry.task, isBackup });
    };
    const waiting = [...this.open.values()].filter((entry) => entry.holders.size < entry.wanted);
    // The least busy first. A second task at a busy worker hides the round trip, as long as many are waiting.
    for (const depth of [0, 1]) {
      for (const [worker, held] of this.workers) {
        if (held.size !== depth || (depth > 0 && waiting.length <= this.workers.size)) continue;
        const place = waiting.findIndex(
          (entry) => this.mayHold(entry, worker) && !this.isWithOrigin(entry, worker),
        );
        const entry = waiting[place];
        if (!entry) continue;
        give(worker, entry);
        if (entry.holders.size >= entry.wanted) waiting.splice(place, 1);
      }
    }
    for (const entry of this.open.values()) {
      if (!this.isStraggler(entry, nowMs)) continue;
      const free = [...this.workers].find(
        ([worker, held]) => held.size === 0 && this.mayHold(entry, worker),
      )?.[0];
      if (free !== undefined) give(free, entry, true);
    }
    // Where nobody has answered anything yet, everybody who is free is as good as those that hold the tasks.
    const isAnyProven = this.proven.size > 0;
    for (const [worker, held] of this.workers) {
      if (held.size > 0 || (isAnyProven && !this.proven.has(worker))) continue;
      const entry = this.leastHeld(worker);
      if (entry) give(worker, entry);
    }
    return assignments;
  }

  /** Milliseconds until a worker becomes a straggler; undefined where no task is assigned. */
  nextStragglerMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const entry of this.open.values()) {
      if (entry.holders.size === 0) continue;
      const left = Math.max(0, this.latestSince(entry) + this.allowedMs(entry.task.kind) - nowMs);
      next = Math.min(next ?? left, left);
    }
    return next;
  }

  private isStraggler(entry: OpenTask<W, T>, nowMs: number): boolean {
    if (entry.holders.size === 0) return false;
    return nowMs - this.latestSince(entry) >= this.allowedMs(entry.task.kind);
  }

  /**
   * True where only workers hold the task that have not answered anything yet, and may never: a worker that has is not
   * to stand idle beside it.
   */
  private isUnsecured({ holders, wanted }: OpenTask<W, T>): boolean {
    return (
      holders.size >= wanted && [...holders.keys()].every((worker) => !this.proven.has(worker))
    );
  }

  /** Of the tasks that may never be answered, the one that fewest workers hold. */
  private leastHeld(worker: W): OpenTask<W, T> | undefined {
    return [...this.open.values()]
      .filter((entry) => this.isUnsecured(entry) && this.mayHold(entry, worker))
      .reduce<OpenTask<W, T> | undefined>(
        (least, entry) => (least && least.holders.size <= entry.holders.size ? least : entry),
        undefined,
      );
  }

  /** When the task was last assigned: each backup gets its own time before the next is made. */
  private latestSince(entry: OpenTask<W, T>): number {
    return Math.max(...[...entry.holders.values()].map((holder) => holder.sinceMs));
  }

  private allowedMs(kind: string): number {
    const known = this.durations.get(kind);
    if (!known) return this.limits.stragglerFirstMs;
    const sorted = known.toSorted((a, b) => a - b);
    const usual = sorted[Math.floor(sorted.length / 2)]!;
    return Math.max(this.limits.stragglerMinMs, this.limits.stragglerFactor * usual);
  }

  private remember(kind: string, durationMs: number): void {
    const known = this.durations.get(kind) ?? [];
    known.push(durationMs);
    if (known.length > REMEMBERED) known.shift();
    this.durations.set(kind, known);
  }

  private mayHold(entry: OpenTask<W, T>, worker: W): boolean {
    if (entry.excluded.has(worker) || entry.holders.has(worker)) return false;
    return !entry.excludedOrigins.has(this.originOf(worker));
  }

  /** True where a worker of the same origin holds the task: another answer from there would confirm nothing. */
  private isWithOrigin({ holders }: OpenTask<W, T>, worker: W): boolean {
    return [...holders.keys()].some((holder) => this.originOf(holder) === this.originOf(worker));
  }
}
