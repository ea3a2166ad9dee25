// How a task is computed in the coordinator's own process.
import { evaluateSamples } from "../../shared/replica/inference.js";
import type { Replica } from "../../shared/replica/replica.js";
import { beginShard } from "../../shared/replica/shard-pass.js";
import { completePass } from "../../shared/replica/step-passes.js";
import type { Answer, Task } from "./tasks.js";

/** @returns computes a task on the replica, a shard with the merged values of all barriers of its step */
export function computeOn(
  replica: Replica,
): (task: Task, merged?: readonly Float32Array[]) => Answer {
  return (task, merged = []) =>
    task.kind === "evaluate"
      ? { kind: "evaluate", result: evaluateSamples(replica, task.samples) }
      : { kind: "shard", result: completePass(beginShard(replica, task), merged) };
}
