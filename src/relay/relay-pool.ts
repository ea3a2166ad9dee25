// The workers of a relay, and the tasks that it was sent. Tasks are assigned as in a coordinator's pool, with backups, and answered
// to the coordinator (relay-answers.ts). Tasks that no worker can compute are returned.
import { totalmem } from "node:os";
import { SentBarriers } from "../coordinator/workers/sent-barriers.js";
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

/** Tasks other than shards that a coordinator may assign, in addition to two per worker. */
const SPARE_TASKS = 64;

/** Largest share of this machine's memory for the samples of tasks, whose size the coordinator chooses. */
const MEMORY_SHARE = 1 / 4;

export interface RelayPoolParts {
  events: Events;
  layout: RunLayout;
  /** Sends to the coordinator, if there is one. */
  send: Send;
  /** Called when a worker's answer to a shard is accepted. */
  onShard: (owner: WorkerLink, shard: number, gradients: Gradients) => void;
  /** Limit for the samples of all tasks together. */
  maxSampleBytes?: number;
}

export class RelayPool implements WorkerPool {
  private readonly parts: RelayPoolParts;
  private readonly assigner: TaskAssigner;
  private readonly schedule: TaskAssigner["schedule"];
  private readonly answers: RelayAnswers;
  private readonly reports: CapacityReports;
  private readonly links = new Set<WorkerLink>();
  /** The workers that are up to date. */
  private readonly active = new Set<WorkerLink>();
  /** Merged values of the current step's barriers. */
  private merged: Float32Array[] = [];
  private readonly sentBarriers = new SentBarriers();
  private peakCapacity = 0;
  private nextTaskId = 0;

  constructor(parts: RelayPoolParts) {
    this.parts = parts;
    this.answers = new RelayAnswers(parts.layout, parts.send);
    this.assigner = new TaskAssigner({
      events: parts.events,
      onAdvance: () => {
        this.assigner.assign();
        this.returnExcess();
      },
      beforeShard: (worker, step) => this.sendMerged(worker, step),
    });
    this.schedule = this.assigner.schedule;
    this.reports = new CapacityReports((tasks) => {
      parts.send({ type: "capacity", tasks });
      this.advance();
    });
  }

  /** Limited to what a relay may report, whatever the relays connected to it report. */
  get capacity(): number {
    return Math.min(totalCapacity(this.active), MAX_CAPACITY);
  }

  // ── from the coordinator ──

  /** A coordinator is connected, and does not know the capacity yet. */
  noteConnected(): void {
    this.reports.restart();
  }

  close(): void {
    this.reports.close();
    this.endTasks();
  }

  /** @throws FrameError if this exceeds what a coordinator may request */
  begin(assigned: Task): void {
    const task = { ...assigned, id: this.nextTaskId++ };
    // A coordinator that has sent the state again also sends its tasks again.
    this.cancel(assigned.id);
    const { tasks } = this.answers;
    const { maxSampleBytes = totalmem() * MEMORY_SHARE } = this.parts;
    if ([...tasks, task].reduce((bytes, one) => bytes + bytesOf(one), 0) > maxSampleBytes) {
      throw new FrameError("more samples than fit into memory");
    }
    if (task.kind === "shard") {
      const isHere = tasks.some((other) => other.kind === "shard" && other.shard === task.shard);
      if (isHere) throw new FrameError(`shard ${task.shard} assigned twice`);
    } else {
      const others = tasks.filter(({ kind }) => kind !== "shard");
      if (others.length >= 2 * this.peakCapacity + SPARE_TASKS) {
        throw new FrameError("too many tasks for the number of workers");
      }
    }
    this.answers.begin(task, assigned.id);
    this.schedule.add([task]);
    this.advance();
  }

  /** @param coordinatorId the coordinator's task id */
  cancel(coordinatorId: number): void {
    const taskId = this.answers.idOf(coordinatorId);
    if (taskId === undefined) return;
    this.assigner.cancelOthers(this.schedule.holdersOf(taskId), taskId);
    this.schedule.drop([taskId]);
    this.answers.cancel(taskId);
    this.advance();
  }

  /** @throws FrameError if it is not the next barrier */
  takeMerged({ step, barrier, values }: MergedBarrier): void {
    if (barrier !== this.merged.length) throw new FrameError(`barrier ${barrier} out of order`);
    this.merged.push(values);
    for (const worker of this.schedule.release(this.merged.length, performance.now())) {
      this.sendMerged(worker, step);
    }
    this.advance();
  }

  /** The tasks are no longer needed: the coordinator is at another step, or disconnected. */
  endTasks(): void {
    for (const { id } of this.answers.tasks) {
      this.assigner.cancelOthers(this.schedule.holdersOf(id), id);
      this.schedule.drop([id]);
    }
    this.answers.clear();
    this.merged = [];
    this.sentBarriers.clear();
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
    // The state that it is sent when it catches up makes it drop the tasks it had begun.
    this.sentBarriers.forget(link);
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
    this.peakCapacity = Math.max(this.peakCapacity, capacity);
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
    const lost = this.answers.takeSum(sum);
    const own = lost.filter((id) => this.schedule.holdersOf(id).includes(link));
    const hasOthers = [...this.active].some(
      (other) => other !== link && totalCapacity([other]) > 0,
    );
    if (hasOthers) for (const id of own) this.assigner.cancelOthers([link], id);
    else this.returnTasks(own);
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

  returnTask(link: WorkerLink, taskId: number): void {
    this.schedule.returnTask(link, taskId);
    this.advance();
  }

  /** A relay cannot decide this: it disconnects the worker and reports the task to the coordinator. */
  hasDiverged(task: Task): boolean {
    this.answers.reportUnusable(task.id);
    return false;
  }

  noteSameWeights(): void {
    // Only differences are reported to the coordinator.
  }

  noteDivergence(link: WorkerLink, step: number): void {
    this.parts.events.emit({ event: "divergence", worker: link.name, step });
  }

  // ── assigning ──

  private sendMerged(worker: WorkerLink, step: number): void {
    this.sentBarriers.sendMissing(worker, step, this.merged);
  }

  private advance(): void {
    this.assigner.advance();
  }

  /** Returns unassigned tasks beyond one per worker: other workers of the run will be free sooner. */
  private returnExcess(): void {
    const open = this.answers.tasks.filter(({ id }) => this.schedule.isOpen(id));
    const waiting = open.filter(({ id }) => this.schedule.holdersOf(id).length === 0);
    // At least as many as reported are kept; otherwise the coordinator would send them here again.
    const keptCount = Math.max(this.capacity, this.reports.reported);
    this.returnTasks(waiting.slice(keptCount).map(({ id }) => id));
  }

  private returnTasks(taskIds: readonly number[]): void {
    for (const id of taskIds) this.assigner.cancelOthers(this.schedule.holdersOf(id), id);
    this.schedule.drop(taskIds);
    this.answers.returnTasks(taskIds);
  }
}

function bytesOf({ samples: { inputs, targets } }: Task): number {
  return inputs.byteLength + targets.byteLength;
}
