// What a worker answered, held against what it was asked. Pure: no sockets.
import { largestShard, type RunConfig } from "../shared/config.js";
import type { Network } from "../shared/model/network.js";
import type { Gradient } from "../shared/model/values.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromWorker } from "../shared/protocol/messages.js";
import {
  checksumOf,
  readClassifier,
  readEvaluation,
  readShardResult,
} from "../shared/protocol/payload.js";
import type { Answer, Task } from "./tasks.js";

/** @throws FrameError where these cannot be the classifier's gradients of the task */
export function checkedClassifier(
  task: Task,
  message: FromWorker & { type: "classifier" },
  parts: readonly Uint8Array[],
  network: Network,
  config: RunConfig,
): Map<string, Gradient> {
  const { step, shard, checksum } = message;
  if (task.kind !== "shard" || task.step !== step || task.shard !== shard) {
    throw new FrameError("gradients of another task");
  }
  if (checksum !== checksumOf(parts)) throw new FrameError("the checksum does not fit");
  return readClassifier(network, largestShard(config), task.samples.count, parts);
}

/**
 * @param classifier what came before the answer
 * @throws FrameError where this cannot be the task's answer
 */
export function checkedAnswer(
  task: Task,
  message: FromWorker & { type: "result" | "evaluated" },
  classifier: ReadonlyMap<string, Gradient> | undefined,
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
  if (!classifier) throw new FrameError("half of an answer");
  const result = readShardResult(network, largestShard(config), count, message, classifier, parts);
  return { kind: "shard", result };
}
