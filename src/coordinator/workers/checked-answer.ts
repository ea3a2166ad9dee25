// What a worker answered, checked against what it was asked. Pure: no sockets.
import { TandemError } from "../../shared/errors.js";
import { FrameError } from "../../shared/protocol/frame.js";
import type { FromWorker } from "../../shared/protocol/messages.js";
import { readBucket } from "../../shared/protocol/payloads/bucket.js";
import { readContribution } from "../../shared/protocol/payloads/barrier.js";
import { readEvaluation } from "../../shared/protocol/payloads/evaluation.js";
import { readFactors } from "../../shared/protocol/payloads/factors.js";
import { readMoments } from "../../shared/protocol/payloads/moments.js";
import { readShardResult } from "../../shared/protocol/payloads/shard-result.js";
import { readSum } from "../../shared/protocol/payloads/sum.js";
import {
  findBarrierProblem,
  findGradientProblem,
  findLossProblem,
  findMomentsProblem,
  findResultProblem,
} from "../../shared/replica/bounds.js";
import type { Gradients } from "../../shared/replica/tensors.js";
import type { RunLayout } from "../../shared/run-layout.js";
import type { Answer, Task } from "./tasks.js";

/** The answer has the right form, and numbers in it that no training can go on with: a wrong worker, or a run that diverged. */
export class UnusableAnswerError extends FrameError {}

/** @throws UnusableAnswerError where the answer is one that no training can go on with */
export function checkAnswer(answer: Answer): void {
  const problem = problemOf(answer);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
}

function problemOf({ kind, result }: Answer): string | undefined {
  switch (kind) {
    case "shard":
      return findResultProblem(result) ?? findGradientProblem(result.gradients);
    case "evaluate":
      return findLossProblem(result.lossSum);
    case "moments":
      return findMomentsProblem(result);
  }
}

/** @throws UnusableAnswerError where these are numbers that no training can go on with */
export function checkContribution(
  { barriers }: Pick<RunLayout, "barriers">,
  barrier: number,
  values: Float32Array,
): void {
  const problem = findBarrierProblem(barriers[barrier]!, values);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
}

/**
 * @param counts barriers that the task has come to, and those that it may pass
 * @throws FrameError where this cannot be what the task brings to that barrier
 * @throws UnusableAnswerError
 */
export function readContributionOf(
  task: Task,
  message: FromWorker & { type: "barrier" },
  counts: { barrierCount: number; mergedCount: number },
  parts: readonly Uint8Array[],
  layout: RunLayout,
): Float32Array {
  const { step, shard, barrier } = message;
  if (task.kind !== "shard" || task.step !== step || task.shard !== shard) {
    throw new FrameError("a contribution of another task");
  }
  if (barrier > counts.barrierCount || barrier > counts.mergedCount) {
    throw new FrameError(`barrier ${barrier} out of order`);
  }
  const values = readContribution(layout, barrier, parts);
  checkContribution(layout, barrier, values);
  return values;
}

/**
 * @param expected the bucket whose turn it is
 * @throws FrameError where these cannot be that bucket's gradients of the task
 * @throws UnusableAnswerError
 */
export function readBucketAnswer(
  task: Task,
  message: FromWorker & { type: "gradients" },
  expected: number,
  parts: readonly Uint8Array[],
  layout: RunLayout,
): Gradients {
  const { step, shard, bucket } = message;
  if (task.kind !== "shard" || task.step !== step || task.shard !== shard) {
    throw new FrameError("gradients of another task");
  }
  if (bucket !== expected || bucket >= layout.buckets.length - 1) {
    throw new FrameError(`gradient bucket ${bucket} out of order`);
  }
  const read = message.summed ? readFactors : readBucket;
  const gradients = read(layout, bucket, task.samples.count, parts);
  const problem = findGradientProblem(gradients);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
  return gradients;
}

/**
 * Dense gradients that a relay has added up.
 * @throws FrameError where these cannot be the bucket's
 * @throws UnusableAnswerError
 */
export function readSumOf(
  { bucket, count }: FromWorker & { type: "sum" },
  parts: readonly Uint8Array[],
  layout: RunLayout,
): Gradients {
  const gradients = readSum(layout, bucket, parts);
  const problem = findGradientProblem(gradients, count);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
  return gradients;
}

/**
 * @param earlier what came before the answer: the gradients of buckets, and contributions to barriers
 * @throws FrameError where this cannot be the task's answer
 * @throws UnusableAnswerError
 */
export function readAnswer(
  task: Task,
  message: FromWorker & { type: "result" | "evaluated" | "measured" },
  earlier: { bucketCount: number; gradients: Gradients; barrierCount: number },
  parts: readonly Uint8Array[],
  layout: RunLayout,
): Answer {
  const { count } = task.samples;
  if (task.kind === "evaluate" && message.type === "evaluated") {
    const result = readEvaluation(layout, count, message.lossSum, parts);
    const answer = { kind: "evaluate", result } as const;
    checkAnswer(answer);
    return answer;
  }
  if (task.kind === "moments" && message.type === "measured") {
    const answer = {
      kind: "moments",
      result: readMoments(layout, task.pass, count, parts),
    } as const;
    checkAnswer(answer);
    return answer;
  }
  const isThisShard =
    task.kind === "shard" &&
    message.type === "result" &&
    message.step === task.step &&
    message.shard === task.shard;
  if (!isThisShard) throw new FrameError("an answer to another task");
  if (earlier.bucketCount < layout.buckets.length - 1) {
    throw new FrameError("an answer without all of its gradients");
  }
  if (earlier.barrierCount < layout.barriers.length) {
    throw new FrameError("an answer before all barriers");
  }
  const { loss, summed: isSummed = false } = message;
  const result = readShardResult(layout, count, loss, earlier.gradients, parts, isSummed);
  // The gradients of earlier buckets were checked when they came.
  const last = new Map([...result.gradients].filter(([name]) => !earlier.gradients.has(name)));
  const problem = findResultProblem(result) ?? findGradientProblem(last);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
  return { kind: "shard", result, isSummed };
}

/** The training itself is at fault, as the coordinator gets such numbers too. */
export function divergedError(task: Pick<Task, "step">, problem: string): TandemError {
  return new TandemError(
    "diverged",
    `The training diverged: at step ${task.step} numbers became NaN, infinite or extremely large (${problem}). Checkpoints of earlier steps are unchanged. Try a smaller --learning-rate or a larger --batch-size.`,
  );
}
