// Answers to shards, prepared beforehand: gradients of the form and size that the run asks for, others for each shard, so that two
// shards that were mixed up change the result. They also count: each shard has two values of the parameter COUNTER for itself, and
// with plain SGD at a learning rate of 1 the final weights show how often every shard was used, and in which steps.
import { readCheckpoint } from "../../dist/shared/checkpoint/checkpoint.js";
import { sizeOf, trainedStatistics } from "../../dist/shared/network/network.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";

/** @typedef {import("../../dist/shared/config.js").RunConfig} RunConfig */
/** @typedef {import("../../dist/shared/run-layout.js").RunLayout} RunLayout */

/** Of the preset `cnn`: 1,024 values, 0 at the start, so that what is subtracted from them is all that they hold. */
const COUNTER = "fc1/bn/beta";
/** Steps are added up modulo this, so that the sums of some ten thousand steps are still exact in float32. */
const STEP_MODULUS = 1000;

/**
 * The parts of `gradients` for each bucket but the last, and those of `result`; `counter` is one of them.
 * @typedef {{buckets: Float32Array[][], result: Float32Array[], counter?: Float32Array | undefined}} Answer
 */

export class ReadyMadeAnswers {
  /** @param {RunConfig} config */
  constructor(config) {
    this.layout = layoutOfRun(config);
    /** By shard. @type {Map<number, Answer>} */
    this.answers = new Map();
  }

  /** The same memory each time, with what the step changes in it. @param {number} shard @param {number} step */
  of(shard, step) {
    const answer = this.answers.get(shard) ?? prepareAnswer(this.layout, shard);
    this.answers.set(shard, answer);
    const { counter } = answer;
    if (counter && 2 * shard + 1 < counter.length) {
      counter[2 * shard] = 1;
      counter[2 * shard + 1] = step % STEP_MODULUS;
    }
    return answer;
  }
}

/** @param {RunLayout} layout @param {number} shard @returns {Answer} */
function prepareAnswer(layout, shard) {
  const samples = layout.shardSizes[shard] ?? 0;
  const small = (/** @type {number} */ length) => new Float32Array(length).fill(1e-6 * (1 + shard));
  /** @type {Float32Array | undefined} */
  let counter;
  const gradients = layout.buckets.map((parameters) =>
    parameters.flatMap(({ name, shape }) => {
      if (layout.factored.has(name)) return shape.map((side) => small(samples * side));
      if (name !== COUNTER) return [small(sizeOf(shape))];
      counter = new Float32Array(sizeOf(shape));
      return [counter];
    }),
  );
  const moments = trainedStatistics(layout.network).flatMap(({ channels }) => [
    small(channels),
    small(channels),
  ]);
  return {
    buckets: gradients.slice(0, -1),
    result: [...(gradients.at(-1) ?? []), ...moments],
    counter,
  };
}

/**
 * Samples that a run with `--optimizer sgd --learning-rate 1` used too often or too seldom, by its checkpoint; 0 where the
 * gradient of each shard of each step was added exactly once.
 * @param {string} file
 */
export function miscountedSamples(file) {
  const { config, step: steps, tensors } = readCheckpoint(file);
  const values = tensors.find(({ name }) => name === COUNTER)?.values;
  const { shardSizes } = layoutOfRun(config);
  if (!values || values.length < 2 * shardSizes.length) throw new RangeError("nothing was counted");
  let stepSum = 0;
  for (let step = 0; step < steps; step++) stepSum += step % STEP_MODULUS;
  return shardSizes.reduce((total, samples, shard) => {
    const wrong = Math.abs(steps + (values[2 * shard] ?? NaN));
    // Right in number, but not once in each step: one step lacks the shard and another has it twice.
    const isMixedUp = wrong === 0 && stepSum + (values[2 * shard + 1] ?? NaN) !== 0;
    return total + samples * (isMixedUp ? 1 : wrong);
  }, 0);
}
