// Initializers for users of the library, with the names that they have in Keras. Values are drawn with the run's seed. Pure.
import type { Initializer } from "./spec.js";

type VarianceScaling = Extract<Initializer, { kind: "variance-scaling" }>;

/** A distribution with the variance scale / fan. */
export function varianceScaling(
  scale: number,
  mode: VarianceScaling["mode"],
  distribution: VarianceScaling["distribution"],
): Initializer {
  return { kind: "variance-scaling", scale, mode, distribution };
}

/** Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010. */
export const glorotUniform = (): Initializer => varianceScaling(1, "fan-average", "uniform");
export const glorotNormal = (): Initializer =>
  varianceScaling(1, "fan-average", "truncated-normal");

/** He et al., "Delving deep into rectifiers", 2015. */
export const heUniform = (): Initializer => varianceScaling(2, "fan-in", "uniform");
export const heNormal = (): Initializer => varianceScaling(2, "fan-in", "truncated-normal");

/** LeCun et al., "Efficient backprop", 1998. */
export const lecunUniform = (): Initializer => varianceScaling(1, "fan-in", "uniform");
export const lecunNormal = (): Initializer => varianceScaling(1, "fan-in", "truncated-normal");

/** Redrawn outside two standard deviations. */
export const truncatedNormal = (standardDeviation: number, mean = 0): Initializer => ({
  kind: "truncated-normal",
  mean,
  standardDeviation,
});

export const normal = (standardDeviation: number, mean = 0): Initializer => ({
  kind: "normal",
  mean,
  standardDeviation,
});

export const uniform = (min: number, max: number): Initializer => ({ kind: "uniform", min, max });

export const constant = (value: number): Initializer => ({ kind: "constant", value });
export const zeros = (): Initializer => constant(0);
export const ones = (): Initializer => constant(1);
