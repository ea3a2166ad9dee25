// The worker of `single`: in the coordinator's own process, on the coordinator's own replica.
import { evaluationResult, shardResult } from "../shared/model/compute.js";
import type { Replica } from "../shared/model/replica.js";
import type { Pool } from "./pool.js";
import type { Answer, Task, WorkerLink } from "./tasks.js";

export class InProcessWorker implements WorkerLink {
  readonly name = "in-process";
  private readonly pool: Pool;
  private readonly replica: Replica;
  private readonly batchSize: number;
  private readonly largestShard: number;

  constructor(pool: Pool, replica: Replica, batchSize: number, largestShard: number) {
    this.pool = pool;
    this.replica = replica;
    this.batchSize = batchSize;
    this.largestShard = largestShard;
  }

  send(task: Task): void {
    // A turn of the event loop between tasks lets signals and finished writes through.
    setImmediate(() => this.pool.answer(this, task.id, this.compute(task)));
  }

  follow(): void {
    // The replica is the coordinator's own: it is where the step was taken.
  }

  end(): void {
    // Nothing runs between tasks.
  }

  private compute(task: Task): Answer {
    if (task.kind === "evaluate") {
      return { kind: "evaluate", result: evaluationResult(this.replica, task.samples) };
    }
    const result = shardResult(this.replica, task.samples, this.batchSize, this.largestShard);
    return { kind: "shard", result };
  }
}
