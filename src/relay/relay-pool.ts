// The workers of a relay, and the tasks that it was sent: assigned as a coordinator's pool assigns its own, with backups, and
// answered upward (relay-answers.ts). A task that nobody here can compute goes back.
import { totalmem } from "node:os";
import { TaskAssigner } from "../coordinator/workers/task-assigner.js";
import {
  type Answer,
  type MergedBarrier,
  type Task,
  type Timing,
  totalCapacity,
  type WorkerLink,
} from "../coordinator/workers/tasks.js";
import type { BucketAnswer, BucketSum, WorkerPool } from "../coordinator/workers/worker-pool.js";
import type { Events } from "../shared/events.js";
import { FrameError } from "../shared/protocol/frame.js";
import { MAX_CAPACITY } from "../shared/protocol/messages.js";
import type { Gradients } from "../shared/replica/tensors.js";
import type { RunLayout } from "../shared/run-layout.js";
import { CapacityReports } from "./capacity-reports.js";
import { RelayAnswers, type Send } from "./relay-answers.js";

/** Tasks besides those of shards that a coordinator may assign, beyond two for each worker. */
const SPARE_TASKS = 64;

/** Of this machine's memory, for the samples of tasks: what the tasks of a step take is the coordinator's choice. */
const MEMORY_SHARE = 1 / 4;

export interface RelayPoolParts {
  events: Events;
  layout: RunLayout;
  /** To the coordinator, while there is one. */
  send: Send;
  /** Called when a worker's answer to a shard is used. */
  onShard: (owner: WorkerLink, shard: number, gradients: Gradients) => void;
  /** For the samples of all tasks together. */
  maxSampleBytes?: number;
}

export class RelayPool implements WorkerPool {
  private readonly parts: RelayPoolParts;
  private readonly assigner: TaskAssigner;
  private readonly schedule: TaskAssigner["schedule"];
  private readonly answers: RelayAnswers;
  private readonly reports: CapacityReports;
  /** Those that are up to date. */
  private readonly active = new Set<WorkerLink>();
  private readonly links = new Set<WorkerLink>();
  /** Of the present step's barriers; and how many of them each worker was sent. */
  private merged: Float32Array[] = [];
  private readonly mergedSent = new Map<WorkerLink, number>();
  private mostCapacity = 0;
  private nextTaskId = 0;

  constructor(parts: RelayPoolParts) {
    this.parts = parts;
    this.answers = new RelayAnswers(parts.layout, parts.send);
    this.assigner = new TaskAssigner({
      events: parts.events,
      onAdvance: () => {
        this.assigner.assign();
        this.giveBackExcess();
      },
      beforeShard: (worker, step) => this.sendMerged(worker, step),
    });
    this.schedule = this.assigner.schedule;
    this.reports = new CapacityReports((tasks) => {
      parts.send({ type: "capacity", tasks });
      this.advance();
    });
  }

  /** Not more than a relay may report: others below it report what they like. */
  get capacity(): number {
    return Math.min(totalCapacity(this.active), MAX_CAPACITY);
  }

  // ── from the coordinator ──

  /** The coordinator is there, and knows nothing of the workers yet. */
  greet(): void {
    this.reports.restart();
  }

  close(): void {
    this.reports.close();
    this.endTasks();
  }

  /** @throws FrameError where it is more than a coordinator may ask for */
  begin(assigned: Task): void {
    const task = { ...assigned, id: this.nextTaskId++ };
    // A coordinator that has sent the state once more begins its tasks once more.
    this.cancel(assigned.id);
    const { tasks } = this.answers;
    const { maxSampleBytes = totalmem() * MEMORY_SHARE } = this.parts;
    if ([...tasks, task].reduce((bytes, one) => bytes + bytesOf(one), 0) > maxSampleBytes) {
      throw new FrameError("more samples than there is memory for");
    }
    if (task.kind === "shard") {
      const isHere = tasks.some((other) => other.kind === "shard" && other.shard === task.shard);
      if (isHere) throw new FrameError(`shard ${task.shard} twice`);
    } else {
      const others = tasks.filter(({ kind }) => kind !== "shard");
      if (others.length >= 2 * this.mostCapacity + SPARE_TASKS) {
        throw new FrameError("more tasks than there are workers for");
      }
    }
    this.answers.begin(task, assigned.id);
    this.schedule.add([task]);
    this.advance();
  }

  /** @param idAbove the coordinator's number for it */
  cancel(idAbove: number): void {
    const taskId = this.answers.idOf(idAbove);
    if (taskId === undefined) return;
    this.assigner.cancelOthers(this.schedule.holdersOf(taskId), taskId);
    this.schedule.drop([taskId]);
    this.answers.cancel(taskId);
    this.advance();
  }

  /** @throws FrameError where it is not the next barrier */
  takeMerged({ step, barrier, values }: MergedBarrier): void {
    if (barrier !== this.merged.length) throw new FrameError(`barrier ${barrier} out of order`);
    this.merged.push(values);
    for (const worker of this.schedule.release(this.merged.length, performance.now())) {
      this.sendMerged(worker, step);
    }
    this.advance();
  }

  /** The tasks are of no use any more: the coordinator is at another step, or gone. */
  endTasks(): void {
    for (const { id } of this.answers.tasks) {
      this.assigner.cancelOthers(this.schedule.holdersOf(id), id);
      this.schedule.drop([id]);
    }
    this.answers.clear();
    this.merged = [];
    this.mergedSent.clear();
    this.assigner.stop();
  }

  // ── workers ──

  join(link: WorkerLink): void {
    this.links.add(link);
    this.parts.events.emit({
      ...({ event: "worker", name: link.name, state: "joined" } as const),
      ...(link.kind ? { kind: link.kind } : {}),
    });
    this.resume(link);
  }

  leave(link: WorkerLink, reason: string): void {
    if (!this.links.delete(link)) return;
    this.parts.events.emit({ event: "worker", name: link.name, state: "left", reason });
    this.suspend(link);
  }

  suspend(link: WorkerLink): void {
    this.active.delete(link);
    this.schedule.leave(link);
    // With the state that it is sent when it has caught up it forgets what it had begun.
    this.mergedSent.delete(link);
    this.noteCapacity();
  }

  resume(link: WorkerLink): void {
    if (!this.links.has(link)) return;
    this.active.add(link);
    this.schedule.join(link);
    this.noteCapacity();
  }

  noteCapacity(): void {
    const { capacity } = this;
    this.mostCapacity = Math.max(this.mostCapacity, capacity);
    this.reports.note(capacity);
    this.advance();
  }

  // ── answers ──

  answer(link: WorkerLink, taskId: number, answer: Answer, timing: Timing): void {
    const holders = this.schedule.holdersOf(taskId);
    const task = this.schedule.answer(link, taskId, performance.now());
    if (task) {
      this.assigner.cancelOthers(holders, taskId, link);
      if (task.kind === "shard" && answer.kind === "shard") {
        this.parts.onShard(link, task.shard, answer.result.gradients);
      }
      this.answers.answer(task, answer, timing);
    }
    this.advance();
  }

  takeBucket(_link: WorkerLink, bucket: BucketAnswer): void {
    this.answers.takeBucket(bucket);
  }

  takeSum(link: WorkerLink, sum: BucketSum): void {
    const useless = this.answers.takeSum(sum);
    const own = useless.filter((id) => this.schedule.holdersOf(id).includes(link));
    const hasOthers = [...this.active].some(
      (other) => other !== link && totalCapacity([other]) > 0,
    );
    if (hasOthers) for (const id of own) this.assigner.cancelOthers([link], id);
    else this.giveBack(own);
    this.advance();
  }

  takeContribution(link: WorkerLink, taskId: number, barrier: number, values: Float32Array): void {
    const nowMs = performance.now();
    const task = this.schedule.arrive(link, taskId, barrier, nowMs);
    if (task?.kind === "shard") {
      this.answers.takeContribution(task, barrier, values);
      const passed = this.merged.length;
      if (barrier < passed) {
        for (const worker of this.schedule.release(passed, nowMs)) {
          this.sendMerged(worker, task.step);
        }
      }
    }
    this.advance();
  }

  takeBack(link: WorkerLink, taskId: number): void {
    this.schedule.takeBack(link, taskId);
    this.advance();
  }

  /** This relay cannot know: the worker has to go, and the coordinator looks whether others would answer the same. */
  hasDiverged(task: Task): boolean {
    this.answers.reportUnusable(task.id);
    return false;
  }

  noteSameWeights(): void {
    // The coordinator is told of those that differ.
  }

  noteDivergence(link: WorkerLink, step: number): void {
    this.parts.events.emit({ event: "divergence", worker: link.name, step });
  }

  // ── assigning ──

  private sendMerged(worker: WorkerLink, step: number): void {
    const sentCount = this.mergedSent.get(worker) ?? 0;
    this.merged.slice(sentCount).forEach((values, index) => {
      worker.sendMerged({ step, barrier: sentCount + index, values });
    });
    this.mergedSent.set(worker, this.merged.length);
  }

  private advance(): void {
    this.assigner.advance();
  }

  /** Of the tasks that wait here, those beyond one for each worker: others are sooner free for them. */
  private giveBackExcess(): void {
    const open = this.answers.tasks.filter(({ id }) => this.schedule.isOpen(id));
    const waiting = open.filter(({ id }) => this.schedule.holdersOf(id).length === 0);
    // Else the coordinator, which knows of more workers, would send them here again.
    const kept = Math.max(this.capacity, this.reports.reported);
    this.giveBack(waiting.slice(kept).map(({ id }) => id));
  }

  private giveBack(taskIds: readonly number[]): void {
    for (const id of taskIds) this.assigner.cancelOthers(this.schedule.holdersOf(id), id);
    this.schedule.drop(taskIds);
    this.answers.giveBack(taskIds);
  }
}

function bytesOf({ samples: { inputs, targets } }: Task): number {
  return inputs.byteLength + targets.byteLength;
}
