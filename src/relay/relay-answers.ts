// The answers that a relay sends to its coordinator: sums of dense gradients, and for each task the rest of its answer. A shard's
// result follows the sums that include it. What cannot be summed (factors, moments, losses, contributions to barriers) is forwarded
// unchanged.
import type { Answer, ShardTask, Task, Timing } from "../coordinator/workers/tasks.js";
import type { BucketAnswer, BucketSum } from "../coordinator/workers/worker-pool.js";
import type { FromWorker } from "../shared/protocol/messages.js";
import { barrierParts } from "../shared/protocol/payloads/barrier.js";
import { evaluationParts } from "../shared/protocol/payloads/evaluation.js";
import { factorParts } from "../shared/protocol/payloads/factors.js";
import { momentsParts } from "../shared/protocol/payloads/moments.js";
import { shardResultParts } from "../shared/protocol/payloads/shard-result.js";
import { sumParts } from "../shared/protocol/payloads/sum.js";
import type { RunLayout } from "../shared/run-layout.js";
import { ShardSums } from "./shard-sums.js";

export type Send = (message: FromWorker, parts?: ArrayBufferView[]) => void;

interface HeldTask {
  /** With this relay's own task id: a later coordinator may use the same ids again. */
  task: Task;
  /** The coordinator's task id. */
  coordinatorId: number;
  /** How many buckets' factored gradients have been sent, and how many contributions to barriers. */
  bucketCount: number;
  barrierCount: number;
  isUnusable: boolean;
  /** Queued until all sums that include the shard have been sent. */
  result: { message: FromWorker; parts: ArrayBufferView[] } | undefined;
}

export class RelayAnswers {
  private readonly layout: RunLayout;
  private readonly send: Send;
  private readonly held = new Map<number, HeldTask>();
  private readonly sums: ShardSums;

  constructor(layout: RunLayout, send: Send) {
    this.layout = layout;
    this.send = send;
    this.sums = new ShardSums(layout.buckets.length);
  }

  /** Tasks whose answers have not been sent. */
  get tasks(): Task[] {
    return [...this.held.values()].map(({ task }) => task);
  }

  /** This relay's id of a task; undefined if it is not held. */
  idOf(coordinatorId: number): number | undefined {
    for (const [id, held] of this.held) if (held.coordinatorId === coordinatorId) return id;
    return undefined;
  }

  begin(task: Task, coordinatorId: number): void {
    const counts = { bucketCount: 0, barrierCount: 0 };
    const held = { task, coordinatorId, ...counts, isUnusable: false, result: undefined };
    this.held.set(task.id, held);
    if (task.kind === "shard") this.sums.hold(task.shard);
  }

  /** The step is over, or the connection is lost. */
  clear(): void {
    this.held.clear();
    this.sums.clear();
  }

  /** Another worker of the run has answered the task. */
  cancel(taskId: number): void {
    this.forget(taskId);
    this.sendDue();
  }

  /** No worker of this relay can compute the tasks. */
  returnTasks(taskIds: readonly number[]): void {
    for (const taskId of taskIds) {
      const held = this.held.get(taskId);
      if (!held) continue;
      this.forget(taskId);
      this.send({ type: "returned", task: held.coordinatorId });
    }
    this.sendDue();
  }

  takeContribution({ id, step, shard }: ShardTask, barrier: number, values: Float32Array): void {
    const held = this.held.get(id);
    // If the shard is computed again, its earlier contributions have already been sent.
    if (held?.barrierCount !== barrier) return;
    held.barrierCount++;
    const { coordinatorId: task } = held;
    this.send({ type: "barrier", task, step, shard, barrier }, barrierParts(values));
  }

  takeBucket({ taskId, bucket, gradients, isSummed }: BucketAnswer): void {
    const held = this.held.get(taskId);
    if (held?.task.kind !== "shard") return;
    const { step, shard } = held.task;
    if (held.bucketCount === bucket) {
      held.bucketCount++;
      const header = { type: "gradients", task: held.coordinatorId, step, shard, bucket } as const;
      this.send({ ...header, summed: true }, factorParts(this.layout, bucket, gradients));
    }
    if (!isSummed) this.sums.add(bucket, { from: shard, count: 1, gradients });
    this.sendDue();
  }

  /**
   * Takes a sum from a relay that is connected to this one. Sums of an earlier step are dropped.
   * @returns tasks whose gradients are lost: they are in this sum, which cannot be used, and will come in no other
   */
  takeSum({ step, bucket, from, count, gradients }: BucketSum): number[] {
    if (step !== this.stepOf()) return [];
    if (this.sums.add(bucket, { from, count, gradients })) {
      this.sendDue();
      return [];
    }
    return this.tasks.flatMap((task) => {
      const isIn = task.kind === "shard" && task.shard >= from && task.shard < from + count;
      return isIn && !this.sums.isSentOf(bucket, task.shard) ? [task.id] : [];
    });
  }

  answer(task: Task, answer: Answer, timing: Timing): void {
    const held = this.held.get(task.id);
    if (!held) return;
    const { computedFromMs: from, computedToMs: to, waitedMs: waited } = timing;
    const computed = { from, to, ...(waited > 0 ? { waited } : {}) };
    switch (answer.kind) {
      case "evaluate": {
        const { lossSum } = answer.result;
        this.held.delete(task.id);
        const message = { type: "evaluated", task: held.coordinatorId, lossSum, computed } as const;
        this.send(message, evaluationParts(answer.result));
        return;
      }
      case "moments": {
        if (task.kind !== "moments") return;
        this.held.delete(task.id);
        const parts = momentsParts(this.layout, task.pass, answer.result);
        this.send({ type: "measured", task: held.coordinatorId, computed }, parts);
        return;
      }
      case "shard": {
        if (task.kind !== "shard") return;
        this.takeShard(held, task, answer, computed);
        return;
      }
    }
  }

  /** A worker answered with unusable numbers; the coordinator decides who is at fault. */
  reportUnusable(taskId: number): void {
    const held = this.held.get(taskId);
    if (!held || held.isUnusable) return;
    held.isUnusable = true;
    this.send({ type: "unusable", task: held.coordinatorId });
  }

  private takeShard(
    held: HeldTask,
    { id, step, shard }: ShardTask,
    { result, isSummed = false }: Answer & { kind: "shard" },
    computed: { from: number; to: number; waited?: number },
  ): void {
    const { gradients, loss } = result;
    const message = {
      ...({ type: "result", task: held.coordinatorId, step, shard, loss, computed } as const),
      summed: true as const,
    };
    const last = this.layout.buckets.length - 1;
    for (let bucket = 0; bucket < last; bucket++) {
      this.takeBucket({ taskId: id, bucket, gradients, isSummed });
    }
    if (!isSummed) this.sums.add(last, { from: shard, count: 1, gradients });
    held.result = { message, parts: shardResultParts(this.layout, result, true) };
    this.sendDue();
  }

  /** Sends the sums that are due, and the results queued behind them. */
  private sendDue(): void {
    for (const { bucket, from, count, tree } of this.sums.takeDue()) {
      const step = this.stepOf();
      if (step === undefined) return;
      const parts = sumParts(this.layout, bucket, tree, from, count);
      this.send({ type: "sum", step, bucket, from, count }, parts);
    }
    for (const [id, { task, result }] of this.held) {
      if (!result || task.kind !== "shard" || !this.sums.isSent(task.shard)) continue;
      this.held.delete(id);
      this.sums.release(task.shard);
      this.send(result.message, result.parts);
    }
  }

  private stepOf(): number | undefined {
    for (const { task } of this.held.values()) if (task.kind === "shard") return task.step;
    return undefined;
  }

  private forget(taskId: number): void {
    const task = this.held.get(taskId)?.task;
    this.held.delete(taskId);
    if (task?.kind === "shard") this.sums.release(task.shard);
  }
}
