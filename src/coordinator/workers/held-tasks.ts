// The tasks that each worker holds until it answers them, and how far it has come with each. Tasks that are no longer needed
// count until they are answered: the worker is still busy with them. Pure: the time is passed in.

/** A task held by a worker. */
export interface HeldTask {
  /** When the worker was assigned the task, or could last continue it. */
  sinceMs: number;
  /** Number of barriers that it has reached; the time between two barriers is a phase. */
  phase: number;
  /** It waits at the last of those barriers, so its worker has nothing to do for it. */
  isWaiting: boolean;
}

/** @typeParam W what stands for a worker; compared by identity */
export class HeldTasks<W> {
  private readonly byWorker = new Map<W, Map<number, HeldTask>>();

  /** In the order in which they joined. */
  get workers(): W[] {
    return [...this.byWorker.keys()];
  }

  addWorker(worker: W): void {
    if (!this.byWorker.has(worker)) this.byWorker.set(worker, new Map());
  }

  /** @returns the tasks that it held */
  removeWorker(worker: W): number[] {
    const taskIds = [...(this.byWorker.get(worker)?.keys() ?? [])];
    this.byWorker.delete(worker);
    return taskIds;
  }

  add(worker: W, taskId: number, nowMs: number): void {
    this.byWorker.get(worker)?.set(taskId, { sinceMs: nowMs, phase: 0, isWaiting: false });
  }

  get(worker: W, taskId: number): HeldTask | undefined {
    return this.byWorker.get(worker)?.get(taskId);
  }

  remove(worker: W, taskId: number): void {
    this.byWorker.get(worker)?.delete(taskId);
  }

  /** Number of tasks that the worker is computing or will compute; those waiting at a barrier do not count. */
  activeCount(worker: W): number {
    let count = 0;
    for (const { isWaiting } of this.byWorker.get(worker)?.values() ?? []) if (!isWaiting) count++;
    return count;
  }

  /**
   * Lets tasks continue that wait at one of the first `barrierCount` barriers.
   * @returns the workers that hold such tasks
   */
  release(barrierCount: number, nowMs: number): W[] {
    const released: W[] = [];
    for (const [worker, held] of this.byWorker) {
      const tasks = [...held.values()].filter((one) => one.isWaiting && one.phase <= barrierCount);
      for (const task of tasks) {
        task.isWaiting = false;
        task.sinceMs = nowMs;
      }
      if (tasks.length > 0) released.push(worker);
    }
    return released;
  }
}
