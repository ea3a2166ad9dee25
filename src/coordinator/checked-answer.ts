// What a worker answered, held against what it was asked. Pure: no sockets.
import { largestShard, type RunConfig } from "../shared/config.js";
import type { Network } from "../shared/model/network.js";
import type { Gradient } from "../shared/model/values.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromWorker } from "../shared/protocol/messages.js";
import {
  checksumOf,
  readEvaluation,
  readFactors,
  readShardResult,
} from "../shared/protocol/payload.js";
import type { Answer, Task } from "./tasks.js";

/** @throws FrameError where these cannot be the task's factors */
export function checkedFactors(
  task: Task,
  message: FromWorker & { type: "factors" },
  parts: readonly Uint8Array[],
  network: Network,
  config: RunConfig,
): Map<string, Gradient> {
  const { step, shard, checksum } = message;
  if (task.kind !== "shard" || task.step !== step || task.shard !== shard) {
    throw new FrameError("factors of another task");
  }
  if (checksum !== checksumOf(parts)) throw new FrameError("the checksum does not fit");
  return readFactors(network, largestShard(config), task.samples.count, parts);
}

/**
 * @param factors what came before the answer
 * @throws FrameError where this cannot be the task's answer
 */
export function checkedAnswer(
  task: Task,
  message: FromWorker & { type: "result" | "evaluated" },
  factors: ReadonlyMap<string, Gradient>,
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
  const result = readShardResult(network, largestShard(config), count, message, factors, parts);
  return { kind: "shard", result };
}
