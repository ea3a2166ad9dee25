// networks.json, which networks.py worked out in float64 with code of its own: how it is read, and compared with.
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { LossKind } from "../../src/shared/graph/graph.js";
import { buildNetwork } from "../../src/shared/network/build.js";
import { readKerasJson } from "../../src/shared/network/keras-json.js";
import { type Network, sizeOf } from "../../src/shared/network/network.js";
import { PRESET_NAMES, presetNetwork } from "../../src/shared/network/presets.js";
import type { OptimizerSpec } from "../../src/shared/optimizer/optimizer.js";
import { Random } from "../../src/shared/random.js";

/** A tensor's Euclidean norm, then some of its values, evenly spread. */
export type Sample = readonly [norm: number, ...values: number[]];

export interface GoldenStep {
  loss: number;
  /** Mean and biased variance of the pooled batch, by batch-norm layer. */
  moments: Record<string, [Sample, Sample]>;
  /** After the step. */
  population: Record<string, [Sample, Sample]>;
  /** After the step. */
  parameters: Record<string, Sample>;
}

export interface GoldenRun {
  name: string;
  optimizer: OptimizerSpec;
  learningRate: number;
  steps: GoldenStep[];
}

export interface GoldenCase {
  name: string;
  /** A preset, or a file in networks/. */
  network: string;
  inputShape: number[];
  /** Classes, or values to predict. */
  outputs: number;
  loss: LossKind;
  shapes: Record<string, number[]>;
  initial: Record<string, Sample>;
  /** Of the first step. */
  gradients: Record<string, Sample>;
  runs: GoldenRun[];
}

interface Golden {
  seed: number;
  /** Sample counts; one batch is all shards together. */
  shards: number[];
  steps: number;
  /** How many values at most a `Sample` has. */
  sampled: number;
  cases: GoldenCase[];
}

const readText = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");

export const golden = JSON.parse(readText("networks.json")) as Golden;

export const BATCH_SIZE = golden.shards.reduce((sum, size) => sum + size, 0);

export function networkOf({ network, inputShape, outputs }: GoldenCase): Network {
  const preset = PRESET_NAMES.find((name) => name === network);
  return buildNetwork(
    preset === undefined
      ? readKerasJson(readText(`networks/${network}`))
      : presetNetwork(preset, inputShape, outputs),
  );
}

export interface GoldenSamples {
  /** Values of one sample. */
  inputSize: number;
  targetSize: number;
  inputs: Float32Array;
  targets: Float32Array | Int32Array;
}

/** All samples of all steps, drawn as networks.py describes. */
export function drawSamples({ inputShape, outputs, loss }: GoldenCase): GoldenSamples {
  const count = golden.steps * BATCH_SIZE;
  const inputSize = sizeOf(inputShape);
  const stream = (name: string) => new Random(golden.seed, `golden/${name}`);
  const [pixels, labels, values] = [stream("inputs"), stream("labels"), stream("targets")];
  const isImage = inputShape.length === 3;
  const inputs = Float32Array.from({ length: count * inputSize }, () =>
    isImage ? (pixels.uint32() & 255) / 255 : 2 * pixels.uniform() - 1,
  );
  if (loss.kind === "softmax-cross-entropy") {
    const targets = Int32Array.from({ length: count }, () => labels.uint32() % outputs);
    return { inputSize, targetSize: 1, inputs, targets };
  }
  const targets = Float32Array.from({ length: count * outputs }, () => 2 * values.uniform() - 1);
  return { inputSize, targetSize: outputs, inputs, targets };
}

/** A tensor's values where `sample` has its own. */
export function sampledValues(values: ArrayLike<number>): number[] {
  const count = Math.min(golden.sampled, values.length);
  const last = Math.max(1, count - 1);
  return Array.from({ length: count }, (_, index) => {
    return values[Math.floor((index * (values.length - 1)) / last)]!;
  });
}

/**
 * Holds the norm and the sampled values against the reference's.
 * @param tolerance relative: to the norm, and to the largest of the reference's sampled values
 */
export function expectClose(
  name: string,
  found: ArrayLike<number>,
  [norm, ...values]: Sample,
  tolerance: number,
): void {
  const largest = Math.max(...values.map(Math.abs));
  expectWithin(name, sampledValues(found), values, tolerance * largest);
  expectNorm(name, found, norm, tolerance);
}

/**
 * Holds what has changed since the start against the reference's change: training steps are small beside the weights, so
 * a comparison of the weights themselves would miss a wrong step.
 * @param tolerance relative to the largest of the reference's sampled changes; rounding of weights to float32 comes on top
 */
export function expectSameChange(
  name: string,
  found: ArrayLike<number>,
  [norm, ...values]: Sample,
  [, ...start]: Sample,
  tolerance: number,
): void {
  const largestChange = Math.max(...values.map((value, index) => Math.abs(value - start[index]!)));
  const rounding = 2 ** -22 * Math.max(...values.map(Math.abs));
  expectWithin(name, sampledValues(found), values, tolerance * largestChange + rounding);
  expectNorm(name, found, norm, tolerance);
}

function expectNorm(name: string, found: ArrayLike<number>, norm: number, tolerance: number): void {
  const squares = Array.from(found).reduce((sum, value) => sum + value * value, 0);
  const difference = Math.abs(Math.sqrt(squares) - norm);
  expect(difference, `norm of ${name}`).toBeLessThanOrEqual(tolerance * norm);
}

function expectWithin(
  name: string,
  found: readonly number[],
  expected: readonly number[],
  tolerance: number,
): void {
  expect(found.length, name).toBe(expected.length);
  found.forEach((value, index) => {
    const difference = Math.abs(value - expected[index]!);
    expect(difference, `${name}, sampled value ${index}`).toBeLessThanOrEqual(tolerance + 1e-9);
  });
}
