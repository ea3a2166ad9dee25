// What a worker answered, held against what it was asked. Pure: no sockets.
import { largestShard, type RunConfig } from "../shared/config.js";
import type { Network } from "../shared/model/network.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromWorker } from "../shared/protocol/messages.js";
import { readEvaluation, readShardResult } from "../shared/protocol/payload.js";
import type { Answer, Task } from "./tasks.js";

/** @throws FrameError where this cannot be the task's answer */
export function checkedAnswer(
  task: Task,
  message: FromWorker & { type: "result" | "evaluated" },
  parts: readonly Uint8Array[],
  network: Network,
  config: RunConfig,
): Answer {
  const { count } = task.samples;
  if (task.kind === "evaluate" && message.type === "evaluated") {
    const result = readEvaluation(network, count, message.lossSum, parts);
    return { kind: "evaluate", result };
  }
  const isThisShard =
    task.kind === "shard" &&
    message.type === "result" &&
    message.step === task.step &&
    message.shard === task.shard;
  if (!isThisShard) throw new FrameError("an answer to another task");
  const result = readShardResult(network, largestShard(config), count, message, parts);
  return { kind: "shard", result };
}
