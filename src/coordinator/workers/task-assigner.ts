// Sends a schedule's tasks to workers: after the events of the current turn of the event loop, and when a worker becomes a
// straggler. Used by coordinators and relays.
import type { Events } from "../../shared/events.js";
import { Schedule } from "./schedule.js";
import { DEFAULT_LIMITS } from "./task-durations.js";
import { type Task, taskName, type WorkerLink } from "./tasks.js";

/** If no worker is free for a straggler's task, checking again immediately would not help. */
const MIN_STRAGGLER_CHECK_MS = 20;

export interface TaskAssignerParts {
  events: Events;
  /** Must check what can be done now, and call `assign` if tasks may be assigned. */
  onAdvance: () => void;
  /** Called before a worker is sent a shard's task. */
  beforeShard: (worker: WorkerLink, step: number) => void;
}

export class TaskAssigner {
  readonly schedule = new Schedule<WorkerLink, Task>(DEFAULT_LIMITS, {
    originOf: (link) => link.origin,
    capacityOf: ({ capacity = 1 }) => capacity,
  });
  private readonly parts: TaskAssignerParts;
  private stragglerTimer: NodeJS.Timeout | undefined;
  private isAdvancePending = false;

  constructor(parts: TaskAssignerParts) {
    this.parts = parts;
  }

  /** Schedules a call of `onAdvance` in a microtask; several calls are merged into one. */
  advance(): void {
    if (this.isAdvancePending) return;
    this.isAdvancePending = true;
    queueMicrotask(() => {
      this.isAdvancePending = false;
      this.parts.onAdvance();
    });
  }

  assign(): void {
    const nowMs = performance.now();
    for (const { worker, task, isBackup } of this.schedule.assign(nowMs)) {
      if (isBackup) this.reportBackup(worker, task);
      if (task.kind === "shard") this.parts.beforeShard(worker, task.step);
      worker.send(task);
    }
    this.stop();
    const leftMs = this.schedule.nextStragglerMs(nowMs);
    if (leftMs === undefined) return;
    this.stragglerTimer = setTimeout(
      () => this.advance(),
      Math.max(leftMs, MIN_STRAGGLER_CHECK_MS),
    );
  }

  /** Stops checking for stragglers until tasks are assigned again. */
  stop(): void {
    clearTimeout(this.stragglerTimer);
  }

  /** The task is answered: relays that hold it are sent a `cancel`. */
  cancelOthers(holders: readonly WorkerLink[], taskId: number, answerer?: WorkerLink): void {
    for (const holder of holders) {
      if (holder === answerer || holder.cancel?.(taskId) !== true) continue;
      // Otherwise the relay would count as busy with the task forever.
      this.schedule.returnTask(holder, taskId);
    }
  }

  private reportBackup({ name }: WorkerLink, task: Task): void {
    const backup = { event: "backup", step: task.step, task: taskName(task) } as const;
    this.parts.events.emit({ ...backup, worker: name });
  }
}
