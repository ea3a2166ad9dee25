// What a worker answered, checked against what it was asked. Pure: no sockets.
import { largestShard, type RunConfig } from "../../shared/config.js";
import {
  findGradientProblem,
  findLossProblem,
  findResultProblem,
} from "../../shared/model/bounds.js";
import type { Network } from "../../shared/model/network.js";
import type { Gradient } from "../../shared/model/values.js";
import { FrameError } from "../../shared/protocol/frame.js";
import type { FromWorker } from "../../shared/protocol/messages.js";
import { readClassifier, readEvaluation, readShardResult } from "../../shared/protocol/payload.js";
import type { Answer, Task } from "../tasks.js";

/** The answer has the right form, and numbers in it that no training can go on with: a wrong worker, or a run that diverged. */
export class UnusableAnswerError extends FrameError {}

/** @throws UnusableAnswerError where the answer is one that no training can go on with */
export function checkAnswer(answer: Answer): void {
  const problem = problemOf(answer);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
}

function problemOf(answer: Answer): string | undefined {
  if (answer.kind === "shard") {
    return findResultProblem(answer.result) ?? findGradientProblem(answer.result.gradients);
  }
  return findLossProblem(answer.result.lossSum);
}

/**
 * @throws FrameError where these cannot be the classifier's gradients of the task
 * @throws UnusableAnswerError
 */
export function readClassifierAnswer(
  task: Task,
  message: FromWorker & { type: "classifier" },
  parts: readonly Uint8Array[],
  network: Network,
  config: RunConfig,
): Map<string, Gradient> {
  const { step, shard } = message;
  if (task.kind !== "shard" || task.step !== step || task.shard !== shard) {
    throw new FrameError("gradients of another task");
  }
  const gradients = readClassifier(network, largestShard(config), task.samples.count, parts);
  const problem = findGradientProblem(gradients);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
  return gradients;
}

/**
 * @param classifier what came before the answer
 * @throws FrameError where this cannot be the task's answer
 * @throws UnusableAnswerError
 */
export function readAnswer(
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
    const answer = { kind: "evaluate", result } as const;
    checkAnswer(answer);
    return answer;
  }
  const isThisShard =
    task.kind === "shard" &&
    message.type === "result" &&
    message.step === task.step &&
    message.shard === task.shard;
  if (!isThisShard) throw new FrameError("an answer to another task");
  if (!classifier) throw new FrameError("half of an answer");
  const { loss } = message;
  const result = readShardResult(network, largestShard(config), count, loss, classifier, parts);
  // The classifier's gradients were checked when they came.
  const features = new Map([...result.gradients].filter(([name]) => !classifier.has(name)));
  const problem = findResultProblem(result) ?? findGradientProblem(features);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
  return { kind: "shard", result };
}
