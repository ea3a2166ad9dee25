// The worker of `single`: in the coordinator's own process, on the coordinator's own replica.
import { messageOf, TandemError } from "../../shared/errors.js";
import { layersOfPass } from "../../shared/protocol/payloads/moments.js";
import { evaluateSamples, measureMoments } from "../../shared/replica/inference.js";
import type { Replica } from "../../shared/replica/replica.js";
import { computeShard } from "../../shared/replica/shard-pass.js";
import { checkAnswer, divergedError, UnusableAnswerError } from "./checked-answer.js";
import type { Pool } from "./pool.js";
import type { Answer, Task, WorkerLink } from "./tasks.js";

/** How a task is computed on a replica in this process. */
export function computeOn(replica: Replica): (task: Task) => Answer {
  return (task) => {
    switch (task.kind) {
      case "shard":
        return { kind: "shard", result: computeShard(replica, task) };
      case "evaluate":
        return { kind: "evaluate", result: evaluateSamples(replica, task.samples, task.known) };
      case "moments": {
        const { samples, pass, known } = task;
        const layers = layersOfPass(replica.layout, pass);
        return { kind: "moments", result: measureMoments(replica, samples, layers, known) };
      }
    }
  };
}

export class InProcessWorker implements WorkerLink {
  readonly name = "in-process";
  readonly origin = "coordinator";
  readonly isInProcess = true;
  private readonly pool: Pool;
  private readonly compute: (task: Task) => Answer;

  constructor(pool: Pool, compute: (task: Task) => Answer) {
    this.pool = pool;
    this.compute = compute;
  }

  send(task: Task): void {
    // A turn of the event loop between tasks lets signals and finished writes through.
    const sentMs = performance.now();
    setImmediate(() => {
      const computedFromMs = performance.now();
      let answer: Answer;
      try {
        answer = this.compute(task);
      } catch (error) {
        this.pool.fail(computeFailure(task, error));
        return;
      }
      const computedToMs = performance.now();
      try {
        checkAnswer(answer);
      } catch (error) {
        if (!(error instanceof UnusableAnswerError)) throw error;
        this.pool.fail(divergedError(task, error.message));
        return;
      }
      const timing = { sentMs, computedFromMs, computedToMs, answeredMs: computedToMs };
      this.pool.answer(this, task.id, answer, timing);
    });
  }

  expel(): void {
    // It is the coordinator itself; there is nobody to hold it against.
  }
}

/** What TensorFlow throws where memory is short has hints for its own users after the first line. */
function computeFailure({ samples }: Task, error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  return new TandemError(
    "compute-failed",
    `${samples.count} samples could not be computed at once (${messageOf(error).split("\n")[0]}). Is there enough memory? Give a smaller --batch-size or more --shards.`,
    { cause: error },
  );
}
