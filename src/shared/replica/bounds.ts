// Limits on the numbers in a shard's result. It is not enough that they are finite: a gradient of 3e38 squares to infinity in
// Adam's second moment, and the weights become NaN, possibly after the worker that sent it has left. Within these limits no sum
// over shards, moment or optimizer slot can overflow float32. Pure.
import type { Barrier } from "../statistics/barrier.js";
import type { Moments } from "../statistics/moments.js";
import type { Gradient, ShardResult } from "./tensors.js";

/** Its square, 1e36, is within float32 (3.4e38), with room for a sum of factors. */
const MAX_MAGNITUDE = 1e18;

/** The largest magnitude; NaN where a value is NaN or infinite. */
function maxMagnitude(values: Float32Array | Float64Array): number {
  let max = 0;
  let zero = 0;
  for (let index = 0; index < values.length; index++) {
    const magnitude = Math.abs(values[index]!);
    if (magnitude > max) max = magnitude;
    // 0 · x is 0 for finite x and NaN otherwise.
    zero += 0 * magnitude;
  }
  return max + zero;
}

/** The rounding error of adding such numbers in float32 is far smaller than this factor. */
const ROUNDING = 1.001;

/** @param count how many numbers were summed */
function problemOf(what: string, magnitude: number, count = 1): string | undefined {
  if (magnitude <= (count === 1 ? MAX_MAGNITUDE : count * ROUNDING * MAX_MAGNITUDE)) {
    return undefined;
  }
  return Number.isFinite(magnitude)
    ? `${what}: a number beyond ${MAX_MAGNITUDE.toExponential()}`
    : `${what}: a number is not finite`;
}

/**
 * @param shardCount how many shards they are the sum of
 * @returns what is wrong with the first bad gradient; undefined if all are within the limits
 */
export function findGradientProblem(
  gradients: ReadonlyMap<string, Gradient>,
  shardCount = 1,
): string | undefined {
  for (const [name, gradient] of gradients) {
    // XᵀdY over n rows is at most n · max|X| · max|dY|.
    const magnitude =
      gradient.form === "dense"
        ? maxMagnitude(gradient.values)
        : gradient.shards.reduce(
            (sum, { rows, inputs, outputs }) =>
              sum + rows * maxMagnitude(inputs) * maxMagnitude(outputs),
            0,
          );
    const problem = problemOf(name, magnitude, shardCount);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function findProblemIn(
  name: string,
  { mean, variance }: Pick<Moments, "mean" | "variance">,
): string | undefined {
  if (variance.some((value) => value < 0)) return `${name}: negative variance`;
  return (
    problemOf(`${name} mean`, maxMagnitude(mean)) ??
    problemOf(`${name} variance`, Math.sqrt(maxMagnitude(variance)))
  );
}

export function findLossProblem(loss: number): string | undefined {
  return problemOf("the loss", Math.abs(loss));
}

/**
 * @param values a shard's contribution, or the merged values
 * @returns what is wrong with them; undefined if all are within the limits
 */
export function findBarrierProblem(
  { layer, direction, channels }: Barrier,
  values: Float32Array,
): string | undefined {
  if (direction === "backward") return problemOf(`${layer} gradient sums`, maxMagnitude(values));
  const [mean, variance] = [values.subarray(0, channels), values.subarray(channels)];
  return findProblemIn(layer, { mean, variance });
}

/** @returns what is wrong with a result's loss or moments; undefined if all numbers are within the limits */
export function findResultProblem(result: Omit<ShardResult, "gradients">): string | undefined {
  const problem = findLossProblem(result.loss);
  if (problem !== undefined) return problem;
  return findMomentsProblem(result.moments);
}

/** @returns what is wrong with the first bad layer's moments; undefined if all are within the limits */
export function findMomentsProblem(moments: ReadonlyMap<string, Moments>): string | undefined {
  for (const [name, own] of moments) {
    const problem = findProblemIn(name, own);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
