// Computes a task in the coordinator's own process.
import { layersOfPass } from "../../shared/protocol/payloads/moments.js";
import { evaluateSamples, measureMoments } from "../../shared/replica/inference.js";
import type { Replica } from "../../shared/replica/replica.js";
import { beginShard } from "../../shared/replica/shard-pass.js";
import { completePass } from "../../shared/replica/step-passes.js";
import type { Answer, Task } from "./tasks.js";

/** @returns a function that computes a task on the replica; a shard needs the merged values of all barriers of its step */
export function computeOn(
  replica: Replica,
): (task: Task, merged?: readonly Float32Array[]) => Answer {
  return (task, merged = []) => {
    switch (task.kind) {
      case "shard":
        return { kind: "shard", result: completePass(beginShard(replica, task), merged) };
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
