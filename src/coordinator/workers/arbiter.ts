// Decides which of several answers is right: the coordinator computes the task on its own replica, with the same weights as the
// workers.
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
   * Computes the right answer.
   * @param merged merged values of all barriers of the task's step
   */
  answer(task: Task, merged: readonly Float32Array[] = []): Answer {
    return computeOn(this.replica)(task, merged);
  }

  /**
   * Computes the task, up to its next barrier if that has not been merged yet.
   * @param merged merged values of the barriers that its step has passed
   * @throws UnusableAnswerError if training cannot continue with the numbers
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
