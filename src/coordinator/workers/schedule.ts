// Assigns tasks to workers: in order, to free workers. A lost worker's tasks are reassigned, and a straggler's task gets a
// backup. A worker that has not answered anything yet is not relied on. A task that waits at a barrier leaves its worker free:
// with fewer workers than shards, each worker holds several shards. A relay counts as one worker that computes several tasks at
// a time. Pure: the time is passed in.
import { type HeldTask, HeldTasks } from "./held-tasks.js";
import type { Assignment, OpenTask, ScheduledTask, WorkerTraits } from "./scheduled-task.js";
import { chooseSubtrees } from "./subtree-choice.js";
import { DEFAULT_LIMITS, type ScheduleLimits, TaskDurations } from "./task-durations.js";

/** @typeParam W what stands for a worker; compared by identity */
export class Schedule<W, T extends ScheduledTask> {
  private readonly originOf: (worker: W) => unknown;
  private readonly capacityOf: (worker: W) => number;
  private readonly open = new Map<number, OpenTask<W, T>>();
  private readonly held = new HeldTasks<W>();
  private readonly durations: TaskDurations;
  /** Workers that have answered a task, or reached a barrier, since they joined. */
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
   * @param answerCount answers that each task needs, from different origins
   * @param excluded workers that have already answered these tasks; neither they nor others of their origins are assigned them
   */
  add(tasks: readonly T[], answerCount = 1, excluded: readonly W[] = []): void {
    for (const task of tasks) {
      this.open.set(task.id, {
        ...{ task, missingAnswers: answerCount, holders: new Set<W>(), returnedBy: new Set<W>() },
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

  /** The workers that the task is assigned to. */
  holdersOf(taskId: number): W[] {
    return [...(this.open.get(taskId)?.holders ?? [])];
  }

  /** True if the task needs an answer and no connected worker may give it. */
  isStuck(taskId: number): boolean {
    const entry = this.open.get(taskId);
    if (!entry || entry.holders.size > 0) return false;
    return this.held.workers.every((worker) => !this.mayHold(entry, worker));
  }

  /** From now on the worker may be assigned tasks. */
  join(worker: W): void {
    this.held.addWorker(worker);
  }

  /** The worker will not answer anything more; its tasks can be reassigned. */
  leave(worker: W): void {
    for (const id of this.held.removeWorker(worker)) this.open.get(id)?.holders.delete(worker);
    this.proven.delete(worker);
  }

  /** The worker returns the task unanswered. It can be assigned the task again, after the others. */
  returnTask(worker: W, taskId: number): void {
    this.held.remove(worker, taskId);
    const entry = this.open.get(taskId);
    if (!entry?.holders.delete(worker)) return;
    entry.returnedBy.add(worker);
    if (!this.isOthersTurn(entry, worker)) entry.returnedBy.clear();
  }

  /**
   * Records an answer.
   * @returns the task if the answer counts; undefined if it is late, a duplicate or was never requested
   */
  answer(worker: W, taskId: number, nowMs: number): T | undefined {
    const held = this.held.get(worker, taskId);
    if (!held) return undefined;
    this.held.remove(worker, taskId);
    this.proven.add(worker);
    const entry = this.open.get(taskId);
    if (!entry?.holders.delete(worker)) return undefined;
    entry.excluded.add(worker);
    entry.excludedOrigins.add(this.originOf(worker));
    if (--entry.missingAnswers === 0) this.close(taskId);
    this.durations.remember(entry.task.kind, held.phase, nowMs - held.sinceMs);
    return entry.task;
  }

  /**
   * Records that a task has reached a barrier. It waits there until `release`.
   * @returns the task if this counts; undefined if it is late, a duplicate or was never requested
   */
  arrive(worker: W, taskId: number, barrier: number, nowMs: number): T | undefined {
    const held = this.held.get(worker, taskId);
    if (!held || barrier < held.phase) return undefined;
    this.proven.add(worker);
    const entry = this.open.get(taskId);
    if (!entry?.holders.has(worker)) {
      // Nobody will release it.
      this.held.remove(worker, taskId);
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
   * Lets tasks continue that wait at one of the first `barrierCount` barriers.
   * @returns the workers that hold such tasks
   */
  release(barrierCount: number, nowMs: number): W[] {
    return this.held.release(barrierCount, nowMs);
  }

  /** Assigns all tasks that can be assigned now. */
  assign(nowMs: number): Assignment<W, T>[] {
    const assignments: Assignment<W, T>[] = [];
    const assignTo = (worker: W, entry: OpenTask<W, T>, isBackup = false) => {
      entry.holders.add(worker);
      this.held.add(worker, entry.task.id, nowMs);
      assignments.push({ worker, task: entry.task, isBackup });
    };
    this.assignWaiting(assignTo);
    this.assignBackups(nowMs, assignTo);
    this.assignUnsecured(assignTo);
    return assignments;
  }

  private assignWaiting(assignTo: (worker: W, entry: OpenTask<W, T>) => void): void {
    const waiting = [...this.open.values()].filter(
      (entry) => entry.holders.size < entry.missingAnswers,
    );
    // Relays first, while whole subtrees are left.
    const workers = this.held.workers.sort((a, b) => this.capacityOf(b) - this.capacityOf(a));
    const totalCapacity = workers.reduce((sum, worker) => sum + this.capacityOf(worker), 0);
    // Idle workers first. While many tasks wait, a second task per worker hides the round trip.
    for (const depth of [0, 1]) {
      for (const worker of workers) {
        const capacity = this.capacityOf(worker);
        const activeCount = this.held.activeCount(worker);
        if (depth > 0 && activeCount < capacity) continue;
        const room = capacity * (depth + 1) - activeCount;
        const limit = depth === 0 ? room : Math.min(room, waiting.length - totalCapacity);
        for (const entry of this.choose(waiting, worker, limit)) {
          assignTo(worker, entry);
          if (entry.holders.size >= entry.missingAnswers) waiting.splice(waiting.indexOf(entry), 1);
        }
      }
    }
  }

  private assignBackups(
    nowMs: number,
    assignTo: (worker: W, entry: OpenTask<W, T>, isBackup: boolean) => void,
  ): void {
    for (const entry of this.open.values()) {
      if (!this.isStraggler(entry, nowMs)) continue;
      const free = this.held.workers.find(
        (worker) => this.isFree(worker) && this.mayAssign(entry, worker),
      );
      if (free !== undefined) assignTo(free, entry, true);
    }
  }

  /** Free workers also compute tasks that may never be answered. As long as no worker is proven, all free workers do. */
  private assignUnsecured(assignTo: (worker: W, entry: OpenTask<W, T>) => void): void {
    const isAnyProven = this.proven.size > 0;
    for (const worker of this.held.workers) {
      if (!this.isFree(worker) || (isAnyProven && !this.proven.has(worker))) continue;
      const entry = this.leastHeld(worker);
      if (entry) assignTo(worker, entry);
    }
  }

  /** Chooses tasks for a worker among those that wait. @param limit how many the worker has room for */
  private choose(
    waiting: readonly OpenTask<W, T>[],
    worker: W,
    limit: number,
  ): readonly OpenTask<W, T>[] {
    const isAllowed = (entry: OpenTask<W, T>) =>
      this.mayAssign(entry, worker) && !this.isWithOrigin(entry, worker);
    if (limit <= 0) return [];
    if (limit === 1) {
      const entry = waiting.find(isAllowed);
      return entry ? [entry] : [];
    }
    const entries = new Map(waiting.filter(isAllowed).map((entry) => [entry.task, entry]));
    return chooseSubtrees([...entries.keys()], limit).map((task) => entries.get(task)!);
  }

  private isFree(worker: W): boolean {
    return this.held.activeCount(worker) < this.capacityOf(worker);
  }

  /** Milliseconds until a worker becomes a straggler; undefined if no task is being computed. */
  nextStragglerMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const entry of this.open.values()) {
      if (!this.isActive(entry)) continue;
      const leftMs = Math.max(0, this.latestSince(entry) + this.allowedMs(entry) - nowMs);
      next = Math.min(next ?? leftMs, leftMs);
    }
    return next;
  }

  private isStraggler(entry: OpenTask<W, T>, nowMs: number): boolean {
    return this.isActive(entry) && nowMs - this.latestSince(entry) >= this.allowedMs(entry);
  }

  /** True if all holders are still computing; once one waits at a barrier, the task has come as far as it can. */
  private isActive(entry: OpenTask<W, T>): boolean {
    const held = this.heldOf(entry);
    return held.length > 0 && held.every(({ isWaiting }) => !isWaiting);
  }

  private heldOf({ task, holders }: OpenTask<W, T>): HeldTask[] {
    return [...holders].map((worker) => this.held.get(worker, task.id)!);
  }

  /** The task is no longer needed. A worker that waits at a barrier with it will not answer it. */
  private close(taskId: number): void {
    for (const worker of this.open.get(taskId)?.holders ?? []) {
      if (this.held.get(worker, taskId)?.isWaiting) this.held.remove(worker, taskId);
    }
    this.open.delete(taskId);
  }

  /** True if all holders are unproven: they may never answer, so a proven worker should not idle. */
  private isUnsecured({ holders, missingAnswers }: OpenTask<W, T>): boolean {
    return (
      holders.size >= missingAnswers && [...holders].every((worker) => !this.proven.has(worker))
    );
  }

  /** Among the unsecured tasks, the one with the fewest holders. */
  private leastHeld(worker: W): OpenTask<W, T> | undefined {
    return [...this.open.values()]
      .filter((entry) => this.isUnsecured(entry) && this.mayAssign(entry, worker))
      .reduce<OpenTask<W, T> | undefined>(
        (least, entry) => (least && least.holders.size <= entry.holders.size ? least : entry),
        undefined,
      );
  }

  /** When a holder last started or continued the task: each backup gets its full time before the next one is assigned. */
  private latestSince(entry: OpenTask<W, T>): number {
    return Math.max(...this.heldOf(entry).map(({ sinceMs }) => sinceMs));
  }

  /** Time allowed until the next answer or barrier, by the slowest of the phases that the holders are in. */
  private allowedMs(entry: OpenTask<W, T>): number {
    const { kind } = entry.task;
    const phases = new Set(this.heldOf(entry).map(({ phase }) => phase));
    return Math.max(...[...phases].map((phase) => this.durations.allowedMs(kind, phase)));
  }

  private mayAssign(entry: OpenTask<W, T>, worker: W): boolean {
    return this.mayHold(entry, worker) && !this.isOthersTurn(entry, worker);
  }

  /** True if the worker has returned the task and some other worker has not: nobody can keep a task from the others. */
  private isOthersTurn(entry: OpenTask<W, T>, worker: W): boolean {
    const { returnedBy } = entry;
    if (!returnedBy.has(worker)) return false;
    return this.held.workers.some(
      (other) => !returnedBy.has(other) && this.capacityOf(other) > 0 && this.mayHold(entry, other),
    );
  }

  private mayHold(entry: OpenTask<W, T>, worker: W): boolean {
    if (entry.excluded.has(worker) || entry.holders.has(worker)) return false;
    return !entry.excludedOrigins.has(this.originOf(worker));
  }

  /** True if a worker of the same origin holds the task: a second answer from there would not confirm the first. */
  private isWithOrigin({ holders }: OpenTask<W, T>, worker: W): boolean {
    return [...holders].some((holder) => this.originOf(holder) === this.originOf(worker));
  }
}
