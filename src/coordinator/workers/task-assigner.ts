// Hands a schedule's tasks to workers whenever that may have become possible: after all that a turn of the event loop brings, and
// when a worker becomes a straggler. The same for a coordinator's tasks and for those that a relay was sent.
import type { Events } from "../../shared/events.js";
import { Schedule } from "./schedule.js";
import { DEFAULT_LIMITS } from "./task-durations.js";
import { type Task, taskName, type WorkerLink } from "./tasks.js";

/** Where nobody is free to take a straggler's task, looking again at once would not help. */
const MIN_STRAGGLER_CHECK_MS = 20;

export interface TaskAssignerParts {
  events: Events;
  /** Looks what can be done now, and calls `assign` where tasks may be assigned. */
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

  /** Looks once more at what can be done, after all that this turn of the event loop brings. */
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

  /** Looks after no stragglers until tasks are assigned again. */
  stop(): void {
    clearTimeout(this.stragglerTimer);
  }

  /** The task is answered: relays that hold it are sent a `cancel`. */
  cancelOthers(holders: readonly WorkerLink[], taskId: number, answerer?: WorkerLink): void {
    for (const holder of holders) {
      if (holder === answerer || holder.cancel?.(taskId) !== true) continue;
      // Else it would count as busy with the task for ever.
      this.schedule.takeBack(holder, taskId);
    }
  }

  private reportBackup({ name }: WorkerLink, task: Task): void {
    const backup = { event: "backup", step: task.step, task: taskName(task) } as const;
    this.parts.events.emit({ ...backup, worker: name });
  }
}
