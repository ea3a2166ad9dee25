// The coordinator as the judge of its workers: it computes a task itself, on its own replica, with the weights that workers
// compute it with.
import type { Replica } from "../../shared/replica/replica.js";
import { beginShard } from "../../shared/replica/shard-pass.js";
import { nextContribution } from "../../shared/replica/step-passes.js";
import { checkAnswer, checkContribution } from "./checked-answer.js";
import { computeOn } from "./compute-task.js";
import type { Answer, Task } from "./tasks.js";

export class Arbiter {
  private readonly replica: Replica;

  constructor(replica: Replica) {
    this.replica = replica;
  }

  /**
   * The right answer.
   * @param merged of all barriers of the task's step
   */
  answer(task: Task, merged: readonly Float32Array[] = []): Answer {
    return computeOn(this.replica)(task, merged);
  }

  /**
   * Computes the task as far as it can be.
   * @param merged of the barriers that its step has passed
   * @throws UnusableAnswerError where the numbers are such that no training can go on with them
   */
  check(task: Task, merged: readonly Float32Array[]): void {
    const { replica } = this;
    if (task.kind !== "shard" || merged.length === replica.layout.barriers.length) {
      checkAnswer(this.answer(task, merged));
      return;
    }
    const values = nextContribution(beginShard(replica, task), merged);
    if (values) checkContribution(replica.layout, merged.length, values);
  }
}
