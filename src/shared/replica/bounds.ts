// How large the numbers of a shard's result may be. Finite numbers are not enough: a gradient of 3e38 squares to infinity
// in Adam's second moment, and from there the weights become NaN, a step after the worker that sent it has left. Within
// these limits no sum over shards, moment or optimizer slot can overflow float32. Pure.
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
    // 0 · x is 0 for every finite x and NaN for the others.
    zero += 0 * magnitude;
  }
  return max + zero;
}

/** Adding numbers of that magnitude in float32 rounds by far less than this. */
const ROUNDING = 1.001;

/** @param count numbers that were added up */
function problemOf(what: string, magnitude: number, count = 1): string | undefined {
  if (magnitude <= (count === 1 ? MAX_MAGNITUDE : count * ROUNDING * MAX_MAGNITUDE)) {
    return undefined;
  }
  return Number.isFinite(magnitude)
    ? `${what}: a number beyond ${MAX_MAGNITUDE.toExponential()}`
    : `${what}: a number is not finite`;
}

/**
 * @param shardCount shards over which they are added up
 * @returns what is wrong with one of the gradients; undefined where all are within the limits
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
 * @param values what a shard brings to the barrier, or what all shards go on with from there
 * @returns what is wrong with them; undefined where every number is within the limits
 */
export function findBarrierProblem(
  { layer, direction, channels }: Barrier,
  values: Float32Array,
): string | undefined {
  if (direction === "backward") return problemOf(`${layer} gradient sums`, maxMagnitude(values));
  const [mean, variance] = [values.subarray(0, channels), values.subarray(channels)];
  return findProblemIn(layer, { mean, variance });
}

/** @returns what is wrong with a result; undefined where every number is within the limits */
export function findResultProblem(result: Omit<ShardResult, "gradients">): string | undefined {
  const problem = findLossProblem(result.loss);
  if (problem !== undefined) return problem;
  return findMomentsProblem(result.moments);
}

/** @returns what is wrong with one of the layers' moments; undefined where all are within the limits */
export function findMomentsProblem(moments: ReadonlyMap<string, Moments>): string | undefined {
  for (const [name, own] of moments) {
    const problem = findProblemIn(name, own);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
