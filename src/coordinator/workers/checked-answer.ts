// Decodes a worker's answers and checks them against its tasks. Pure: no sockets.
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

/** The answer is well-formed, but training cannot continue with its numbers: the worker is wrong, or the run has diverged. */
export class UnusableAnswerError extends FrameError {}

/** @throws UnusableAnswerError if training cannot continue with the answer's numbers */
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

/** @throws UnusableAnswerError if training cannot continue with the numbers */
export function checkContribution(
  { barriers }: Pick<RunLayout, "barriers">,
  barrier: number,
  values: Float32Array,
): void {
  const problem = findBarrierProblem(barriers[barrier]!, values);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
}

/**
 * @param counts barriers that the task has reached, and those that it may pass
 * @throws FrameError if this cannot be the task's contribution to that barrier
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
    throw new FrameError("contribution does not match its task");
  }
  if (barrier > counts.barrierCount || barrier > counts.mergedCount) {
    throw new FrameError(`barrier ${barrier} out of order`);
  }
  const values = readContribution(layout, barrier, parts);
  checkContribution(layout, barrier, values);
  return values;
}

/**
 * @param expected the bucket that comes next
 * @throws FrameError if these cannot be the task's gradients of that bucket
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
    throw new FrameError("gradients do not match their task");
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
 * Reads the dense gradients of several shards, summed by a relay.
 * @throws FrameError if these cannot be the bucket's gradients
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
 * @param earlier the gradients and contributions that came before the answer
 * @throws FrameError if this cannot be the task's answer
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
  if (!isThisShard) throw new FrameError("answer does not match its task");
  if (earlier.bucketCount < layout.buckets.length - 1) {
    throw new FrameError("answer received before all of its gradients");
  }
  if (earlier.barrierCount < layout.barriers.length) {
    throw new FrameError("answer received before all barriers");
  }
  const { loss, summed: isSummed = false } = message;
  const result = readShardResult(layout, count, loss, earlier.gradients, parts, isSummed);
  // The gradients of earlier buckets were checked when they arrived.
  const last = new Map([...result.gradients].filter(([name]) => !earlier.gradients.has(name)));
  const problem = findResultProblem(result) ?? findGradientProblem(last);
  if (problem !== undefined) throw new UnusableAnswerError(problem);
  return { kind: "shard", result, isSummed };
}

/** For a task whose numbers are unusable even when the coordinator computes it. */
export function divergedError(task: Pick<Task, "step">, problem: string): TandemError {
  return new TandemError(
    "diverged",
    `The training diverged: at step ${task.step} numbers became NaN, infinite or extremely large (${problem}). Checkpoints of earlier steps are unchanged. Try a smaller --learning-rate or a larger --batch-size.`,
  );
}
