// Who computes what: tasks go to free workers in order, a task whose worker is lost is reassigned, and one that a straggler
// holds gets a backup. A worker that has not answered anything yet is not relied on. A task that waits at a barrier leaves its
// worker free for others: where there are fewer workers than shards, each worker holds several at a time. A relay counts as one
// worker that computes several tasks at a time. Pure: the time is passed in.
import type { Assignment, Held, OpenTask, ScheduledTask, WorkerTraits } from "./scheduled-task.js";
import { chooseSubtrees } from "./subtree-choice.js";
import { DEFAULT_LIMITS, type ScheduleLimits, TaskDurations } from "./task-durations.js";

/** @typeParam W what stands for a worker; compared by identity */
export class Schedule<W, T extends ScheduledTask> {
  private readonly originOf: (worker: W) => unknown;
  private readonly capacityOf: (worker: W) => number;
  private readonly open = new Map<number, OpenTask<W, T>>();
  /** What each of them holds, by task, until it is answered; tasks that are no longer needed included. */
  private readonly workers = new Map<W, Map<number, Held>>();
  private readonly durations: TaskDurations;
  /** Workers that have answered a task, or come to a barrier with one, since they joined. */
  private readonly proven = new Set<W>();

  constructor(limits: ScheduleLimits = DEFAULT_LIMITS, traits: WorkerTraits<W> = {}) {
    this.durations = new TaskDurations(limits);
    this.originOf = traits.originOf ?? ((worker) => worker);
    this.capacityOf = traits.capacityOf ?? (() => 1);
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
        ...{ task, wanted, holders: new Set<W>(), returnedBy: new Set<W>() },
        excluded: new Set(excluded),
        excludedOrigins: new Set(excluded.map(this.originOf)),
      });
    }
  }

  /** The tasks are no longer needed; answers to them count as late. */
  drop(taskIds: Iterable<number>): void {
    for (const id of taskIds) this.close(id);
  }

  isOpen(taskId: number): boolean {
    return this.open.has(taskId);
  }

  /** Who is computing the task, or is to. */
  holdersOf(taskId: number): W[] {
    return [...(this.open.get(taskId)?.holders ?? [])];
  }

  /** True where the task waits for an answer that none of the workers there may give. */
  isStuck(taskId: number): boolean {
    const entry = this.open.get(taskId);
    if (!entry || entry.holders.size > 0) return false;
    return [...this.workers.keys()].every((worker) => !this.mayHold(entry, worker));
  }

  /** The worker may be given tasks from now on. */
  join(worker: W): void {
    if (!this.workers.has(worker)) this.workers.set(worker, new Map());
  }

  /** The worker will answer nothing more; what it held alone waits for another. */
  leave(worker: W): void {
    for (const id of this.workers.get(worker)?.keys() ?? []) {
      this.open.get(id)?.holders.delete(worker);
    }
    this.workers.delete(worker);
    this.proven.delete(worker);
  }

  /** The worker will not answer the task. It may have it again, after the others. */
  takeBack(worker: W, taskId: number): void {
    this.workers.get(worker)?.delete(taskId);
    const entry = this.open.get(taskId);
    if (!entry?.holders.delete(worker)) return;
    entry.returnedBy.add(worker);
    if (!this.isOthersTurn(entry, worker)) entry.returnedBy.clear();
  }

  /**
   * Takes note of an answer.
   * @returns the task if its answer counts; undefined where the answer is late, repeated or was never asked for
   */
  answer(worker: W, taskId: number, nowMs: number): T | undefined {
    const held = this.workers.get(worker)?.get(taskId);
    if (!held) return undefined;
    this.workers.get(worker)?.delete(taskId);
    this.proven.add(worker);
    const entry = this.open.get(taskId);
    if (!entry?.holders.delete(worker)) return undefined;
    entry.excluded.add(worker);
    entry.excludedOrigins.add(this.originOf(worker));
    if (--entry.wanted === 0) this.close(taskId);
    this.durations.remember(entry.task.kind, held.phase, nowMs - held.sinceMs);
    return entry.task;
  }

  /**
   * Takes note that a task has come to a barrier, and waits there until `release`.
   * @returns the task if that counts; undefined where it is late, repeated or was never asked for
   */
  arrive(worker: W, taskId: number, barrier: number, nowMs: number): T | undefined {
    const held = this.workers.get(worker)?.get(taskId);
    if (!held || barrier < held.phase) return undefined;
    this.proven.add(worker);
    const entry = this.open.get(taskId);
    if (!entry?.holders.has(worker)) {
      // Nobody will release it.
      this.workers.get(worker)?.delete(taskId);
      return undefined;
    }
    if (barrier === held.phase) {
      this.durations.remember(entry.task.kind, held.phase, nowMs - held.sinceMs);
    }
    held.phase = barrier + 1;
    held.isWaiting = true;
    return entry.task;
  }

  /**
   * The first `barrierCount` barriers are passed: tasks that wait there go on.
   * @returns the workers that hold such tasks
   */
  release(barrierCount: number, nowMs: number): W[] {
    const released: W[] = [];
    for (const [worker, held] of this.workers) {
      const own = [...held.values()].filter((one) => one.isWaiting && one.phase <= barrierCount);
      for (const one of own) {
        one.isWaiting = false;
        one.sinceMs = nowMs;
      }
      if (own.length > 0) released.push(worker);
    }
    return released;
  }

  /** Assigns what can be assigned now. */
  assign(nowMs: number): Assignment<W, T>[] {
    const assignments: Assignment<W, T>[] = [];
    const give = (worker: W, entry: OpenTask<W, T>, isBackup = false) => {
      entry.holders.add(worker);
      const held = { sinceMs: nowMs, phase: 0, isWaiting: false };
      this.workers.get(worker)?.set(entry.task.id, held);
      assignments.push({ worker, task: entry.task, isBackup });
    };
    const waiting = [...this.open.values()].filter((entry) => entry.holders.size < entry.wanted);
    // Relays first, while whole subtrees are left.
    const workers = [...this.workers.keys()].sort(
      (a, b) => this.capacityOf(b) - this.capacityOf(a),
    );
    const total = workers.reduce((sum, worker) => sum + this.capacityOf(worker), 0);
    // The least busy first. A second task at a busy worker hides the round trip, as long as many are waiting.
    for (const depth of [0, 1]) {
      for (const worker of workers) {
        const capacity = this.capacityOf(worker);
        const owed = this.owedCount(worker);
        if (depth > 0 && owed < capacity) continue;
        const room = capacity * (depth + 1) - owed;
        for (const entry of this.choose(
          waiting,
          worker,
          depth === 0 ? room : Math.min(room, waiting.length - total),
        )) {
          give(worker, entry);
          if (entry.holders.size >= entry.wanted) waiting.splice(waiting.indexOf(entry), 1);
        }
      }
    }
    for (const entry of this.open.values()) {
      if (!this.isStraggler(entry, nowMs)) continue;
      const free = [...this.workers.keys()].find(
        (worker) => this.isFree(worker) && this.mayHave(entry, worker),
      );
      if (free !== undefined) give(free, entry, true);
    }
    // Where nobody has answered anything yet, everybody who is free is as good as those that hold the tasks.
    const isAnyProven = this.proven.size > 0;
    for (const worker of this.workers.keys()) {
      if (!this.isFree(worker) || (isAnyProven && !this.proven.has(worker))) continue;
      const entry = this.leastHeld(worker);
      if (entry) give(worker, entry);
    }
    return assignments;
  }

  /** Of the tasks that wait, those that the worker is assigned now. @param most how many it has room for */
  private choose(
    waiting: readonly OpenTask<W, T>[],
    worker: W,
    most: number,
  ): readonly OpenTask<W, T>[] {
    const isFor = (entry: OpenTask<W, T>) =>
      this.mayHave(entry, worker) && !this.isWithOrigin(entry, worker);
    if (most <= 0) return [];
    if (most === 1) {
      const entry = waiting.find(isFor);
      return entry ? [entry] : [];
    }
    const entries = new Map(waiting.filter(isFor).map((entry) => [entry.task, entry]));
    return chooseSubtrees([...entries.keys()], most).map((task) => entries.get(task)!);
  }

  private isFree(worker: W): boolean {
    return this.owedCount(worker) < this.capacityOf(worker);
  }

  /** Milliseconds until a worker becomes a straggler; undefined where no task is assigned. */
  nextStragglerMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const entry of this.open.values()) {
      if (!this.isOwed(entry)) continue;
      const left = Math.max(0, this.latestSince(entry) + this.allowedMs(entry) - nowMs);
      next = Math.min(next ?? left, left);
    }
    return next;
  }

  private isStraggler(entry: OpenTask<W, T>, nowMs: number): boolean {
    return this.isOwed(entry) && nowMs - this.latestSince(entry) >= this.allowedMs(entry);
  }

  /** True where workers hold the task, and none of them waits at a barrier with it: then it has come as far as it can. */
  private isOwed(entry: OpenTask<W, T>): boolean {
    const held = this.heldOf(entry);
    return held.length > 0 && held.every(({ isWaiting }) => !isWaiting);
  }

  /** Tasks that the worker computes, or is to compute. */
  private owedCount(worker: W): number {
    let count = 0;
    for (const { isWaiting } of this.workers.get(worker)?.values() ?? []) if (!isWaiting) count++;
    return count;
  }

  private heldOf({ task, holders }: OpenTask<W, T>): Held[] {
    return [...holders].map((worker) => this.workers.get(worker)!.get(task.id)!);
  }

  /** The task is no longer needed. A worker that waits with it at a barrier will not answer it. */
  private close(taskId: number): void {
    for (const worker of this.open.get(taskId)?.holders ?? []) {
      const held = this.workers.get(worker);
      if (held?.get(taskId)?.isWaiting) held.delete(taskId);
    }
    this.open.delete(taskId);
  }

  /**
   * True where only workers hold the task that have not answered anything yet, and may never: a worker that has is not
   * to stand idle beside it.
   */
  private isUnsecured({ holders, wanted }: OpenTask<W, T>): boolean {
    return holders.size >= wanted && [...holders].every((worker) => !this.proven.has(worker));
  }

  /** Of the tasks that may never be answered, the one that fewest workers hold. */
  private leastHeld(worker: W): OpenTask<W, T> | undefined {
    return [...this.open.values()]
      .filter((entry) => this.isUnsecured(entry) && this.mayHave(entry, worker))
      .reduce<OpenTask<W, T> | undefined>(
        (least, entry) => (least && least.holders.size <= entry.holders.size ? least : entry),
        undefined,
      );
  }

  /** When a worker last could begin with the task, or go on: each backup gets its own time before the next is made. */
  private latestSince(entry: OpenTask<W, T>): number {
    return Math.max(...this.heldOf(entry).map(({ sinceMs }) => sinceMs));
  }

  /** For what is owed of the task, by the slowest of the phases that its holders are in. */
  private allowedMs(entry: OpenTask<W, T>): number {
    const { kind } = entry.task;
    const phases = new Set(this.heldOf(entry).map(({ phase }) => phase));
    return Math.max(...[...phases].map((phase) => this.durations.allowedMs(kind, phase)));
  }

  private mayHave(entry: OpenTask<W, T>, worker: W): boolean {
    return this.mayHold(entry, worker) && !this.isOthersTurn(entry, worker);
  }

  /** True where the worker has given the task back, and another may have it that has not: none can keep it from the others. */
  private isOthersTurn(entry: OpenTask<W, T>, worker: W): boolean {
    const { returnedBy } = entry;
    if (!returnedBy.has(worker)) return false;
    return [...this.workers.keys()].some(
      (other) => !returnedBy.has(other) && this.capacityOf(other) > 0 && this.mayHold(entry, other),
    );
  }

  private mayHold(entry: OpenTask<W, T>, worker: W): boolean {
    if (entry.excluded.has(worker) || entry.holders.has(worker)) return false;
    return !entry.excludedOrigins.has(this.originOf(worker));
  }

  /** True where a worker of the same origin holds the task: another answer from there would confirm nothing. */
  private isWithOrigin({ holders }: OpenTask<W, T>, worker: W): boolean {
    return [...holders].some((holder) => this.originOf(holder) === this.originOf(worker));
  }
}
