// Who computes what: tasks go to free workers in order, a task whose worker is lost goes to another, and so does, as a
// copy, a task that is overdue. Pure: no sockets and no clock; the time is handed in.

export interface ScheduleLimits {
  /** A task is overdue after this many times what such tasks usually take … */
  overdueFactor: number;
  /** … but not before this. */
  overdueMinMs: number;
  /** As long as nothing is known about how long such tasks take. */
  overdueFirstMs: number;
}

export const DEFAULT_LIMITS: ScheduleLimits = {
  overdueFactor: 4,
  overdueMinMs: 250,
  overdueFirstMs: 30_000,
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
  /** The task is with another worker already, and overdue. */
  isRepeat: boolean;
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
}

/** @typeParam W what stands for a worker; compared by identity */
export class Schedule<W, T extends ScheduledTask> {
  private readonly limits: ScheduleLimits;
  private readonly open = new Map<number, OpenTask<W, T>>();
  private readonly workers = new Map<W, Set<number>>();
  private readonly durations = new Map<string, number[]>();

  constructor(limits: ScheduleLimits = DEFAULT_LIMITS) {
    this.limits = limits;
  }

  get openCount(): number {
    return this.open.size;
  }

  /**
   * @param wanted from how many different workers each task wants an answer
   * @param excluded workers that may not have these tasks
   */
  add(tasks: readonly T[], wanted = 1, excluded: readonly W[] = []): void {
    for (const task of tasks) {
      const entry = { task, wanted, holders: new Map(), excluded: new Set(excluded) };
      this.open.set(task.id, entry);
    }
  }

  /** The tasks are of no interest any more; answers to them count as late. */
  drop(taskIds: Iterable<number>): void {
    for (const id of taskIds) this.open.delete(id);
  }

  /** True where the task waits for an answer that none of the workers there may give. */
  isStuck(taskId: number): boolean {
    const entry = this.open.get(taskId);
    if (!entry || entry.holders.size > 0) return false;
    return [...this.workers.keys()].every((worker) => entry.excluded.has(worker));
  }

  /** The worker may be given tasks from now on. */
  join(worker: W): void {
    if (!this.workers.has(worker)) this.workers.set(worker, new Set());
  }

  /** The worker will answer nothing more; what it held alone waits for another. */
  leave(worker: W): void {
    for (const id of this.workers.get(worker) ?? []) this.open.get(id)?.holders.delete(worker);
    this.workers.delete(worker);
  }

  /**
   * Takes note of an answer.
   * @returns the task if its answer counts; undefined where the answer is late, repeated or was never asked for
   */
  answer(worker: W, taskId: number, nowMs: number): T | undefined {
    const held = this.workers.get(worker);
    if (!held?.delete(taskId)) return undefined;
    const entry = this.open.get(taskId);
    const holder = entry?.holders.get(worker);
    if (!entry || !holder) return undefined;
    entry.holders.delete(worker);
    entry.excluded.add(worker);
    if (--entry.wanted === 0) this.open.delete(taskId);
    this.remember(entry.task.kind, nowMs - holder.sinceMs);
    return entry.task;
  }

  /** Gives out what can be given out now. Each assignment returned counts as made. */
  assign(nowMs: number): Assignment<W, T>[] {
    const assignments: Assignment<W, T>[] = [];
    const give = (worker: W, entry: OpenTask<W, T>) => {
      const isRepeat = entry.holders.size >= entry.wanted;
      entry.holders.set(worker, { sinceMs: nowMs });
      this.workers.get(worker)?.add(entry.task.id);
      assignments.push({ worker, task: entry.task, isRepeat });
    };
    const waiting = [...this.open.values()].filter((entry) => entry.holders.size < entry.wanted);
    // The least busy first. A second task at a busy worker hides the way there and back, as long as many are waiting.
    for (const depth of [0, 1]) {
      for (const [worker, held] of this.workers) {
        if (held.size !== depth || (depth > 0 && waiting.length <= this.workers.size)) continue;
        const place = waiting.findIndex((entry) => mayHold(entry, worker));
        const entry = waiting[place];
        if (!entry) continue;
        give(worker, entry);
        if (entry.holders.size >= entry.wanted) waiting.splice(place, 1);
      }
    }
    for (const entry of this.open.values()) {
      if (entry.holders.size < entry.wanted || !this.isOverdue(entry, nowMs)) continue;
      const free = [...this.workers].find(
        ([worker, held]) => held.size === 0 && mayHold(entry, worker),
      )?.[0];
      if (free !== undefined) give(free, entry);
    }
    return assignments;
  }

  /** Milliseconds until a task that is out becomes overdue; undefined where none is out. */
  nextOverdueMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const entry of this.open.values()) {
      if (entry.holders.size < entry.wanted) continue;
      const left = Math.max(0, this.latestSince(entry) + this.allowedMs(entry.task.kind) - nowMs);
      next = Math.min(next ?? left, left);
    }
    return next;
  }

  private isOverdue(entry: OpenTask<W, T>, nowMs: number): boolean {
    return nowMs - this.latestSince(entry) >= this.allowedMs(entry.task.kind);
  }

  /** When the task was last given out: each copy gets its own time before the next is made. */
  private latestSince(entry: OpenTask<W, T>): number {
    return Math.max(...[...entry.holders.values()].map((holder) => holder.sinceMs));
  }

  private allowedMs(kind: string): number {
    const known = this.durations.get(kind);
    if (!known) return this.limits.overdueFirstMs;
    const sorted = known.toSorted((a, b) => a - b);
    const usual = sorted[Math.floor(sorted.length / 2)]!;
    return Math.max(this.limits.overdueMinMs, this.limits.overdueFactor * usual);
  }

  private remember(kind: string, durationMs: number): void {
    const known = this.durations.get(kind) ?? [];
    known.push(durationMs);
    if (known.length > REMEMBERED) known.shift();
    this.durations.set(kind, known);
  }
}

function mayHold<W, T>(entry: OpenTask<W, T>, worker: W): boolean {
  return !entry.excluded.has(worker) && !entry.holders.has(worker);
}
