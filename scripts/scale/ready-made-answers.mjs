// Precomputed answers to shards: gradients of the form and size that the run requires, different for each shard, so that mixing up
// two shards changes the result. They also count: each shard has two values of its own in the parameter COUNTER, and with plain SGD
// at a learning rate of 1 the final weights show how many times each shard was used, and in which steps.
import { readCheckpoint } from "../../dist/shared/checkpoint/checkpoint.js";
import { sizeOf, trainedStatistics } from "../../dist/shared/network/network.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";

/** @typedef {import("../../dist/shared/config.js").RunConfig} RunConfig */
/** @typedef {import("../../dist/shared/run-layout.js").RunLayout} RunLayout */

/** In the preset `cnn`: 1,024 values that are initially 0, so that they end as the negative sum of their gradients. */
const COUNTER = "fc1/bn/beta";
/** Step numbers are summed modulo this, so that the sums over ten thousand steps are exact in float32. */
const STEP_MODULUS = 1000;

/**
 * The parts of the `gradients` messages for all buckets but the last, and of the `result` message; `counter` is one of them.
 * @typedef {{buckets: Float32Array[][], result: Float32Array[], counter?: Float32Array | undefined}} Answer
 */

export class ReadyMadeAnswers {
  /** @param {RunConfig} config */
  constructor(config) {
    this.layout = layoutOfRun(config);
    /** By shard. @type {Map<number, Answer>} */
    this.answers = new Map();
  }

  /** Reuses its memory: the answer is valid until the next call for the same shard. @param {number} shard @param {number} step */
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
 * Counts the samples that a run with `--optimizer sgd --learning-rate 1` used too many or too few times, by its checkpoint; 0 if
 * each shard's gradient was added exactly once in each step.
 * @param {string} file
 */
export function miscountedSamples(file) {
  const { config, step: steps, tensors } = readCheckpoint(file);
  const values = tensors.find(({ name }) => name === COUNTER)?.values;
  const { shardSizes } = layoutOfRun(config);
  if (!values || values.length < 2 * shardSizes.length)
    throw new RangeError(`${file} has no counters`);
  let stepSum = 0;
  for (let step = 0; step < steps; step++) stepSum += step % STEP_MODULUS;
  return shardSizes.reduce((total, samples, shard) => {
    const wrong = Math.abs(steps + (values[2 * shard] ?? NaN));
    // The right number in total, but one step lacks the shard and another has it twice.
    const isMixedUp = wrong === 0 && stepSum + (values[2 * shard + 1] ?? NaN) !== 0;
    return total + samples * (isMixedUp ? 1 : wrong);
  }, 0);
}
