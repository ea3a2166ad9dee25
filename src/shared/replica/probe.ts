// The probe of the numerics fingerprint: samples and a state that are the same on every machine, independent of the run's data
// and weights. Pure.
import { sampleShapeOf } from "../config.js";
import type { Samples } from "../data/samples.js";
import { type ParameterSpec, sizeOf } from "../network/network.js";
import { Random } from "../random.js";
import type { RunLayout } from "../run-layout.js";
import { stateLayout } from "./state-layout.js";
import type { NamedTensor } from "./tensors.js";

const SEED = 0;
/** Numbers that are drawn; tensors repeat them. A prime, so that no two rows are equal. */
const PATTERN_LENGTH = 16_381;
/** Slots are from 0 to this: Adam's mean of squares is never negative. */
const LARGEST_SLOT = 1e-3;
/** The largest magnitude of biases, betas and population means. */
const LARGEST_OFFSET = 0.1;
/** The largest distance of scales and population variances from 1. */
const LARGEST_SCALING = 0.25;

/** Random inputs and targets of the run's types. */
export function probeSamples({ config, network }: RunLayout, count: number): Samples {
  const { inputType, target } = sampleShapeOf(config);
  const pattern = drawPattern("samples");
  const inputLength = count * sizeOf(network.inputShape);
  const inputs =
    inputType === "uint8"
      ? fill(new Uint8Array(inputLength), pattern, (value) => Math.floor(value * 256))
      : fill(new Float32Array(inputLength), pattern, (value) => 2 * value - 1);
  const targets =
    target.kind === "classes"
      ? fill(new Int32Array(count), pattern, (value) => Math.floor(value * target.count))
      : fill(new Float32Array(count * target.count), pattern, (value) => value);
  return { count, inputs, targets };
}

/**
 * The complete state. Initial values would not reveal differences: sums and products with zeros and ones are exact on every
 * processor, fused or not.
 */
export function probeState(layout: RunLayout): NamedTensor[] {
  const pattern = drawPattern("state");
  const parameters = new Map(layout.network.parameters.map((each) => [each.name, each]));
  return stateLayout(layout, "with-slots").map(({ name, shape }): NamedTensor => {
    const toValue = valueOf(name, parameters.get(name));
    return { name, shape, values: fill(new Float32Array(sizeOf(shape)), pattern, toValue) };
  });
}

type ToValue = (uniform: number) => number;

/** Kernels preserve the variance of their inputs (He et al., 2015), so that activations in deep networks neither vanish nor overflow. */
function valueOf(name: string, parameter: ParameterSpec | undefined): ToValue {
  if (parameter?.role === "kernel") {
    const limit = Math.sqrt(6 / Math.max(1, parameter.fanIn));
    return (uniform) => limit * (2 * uniform - 1);
  }
  const isScaling = parameter ? parameter.role === "scale" : name.endsWith("/pop_var");
  if (isScaling) return (uniform) => 1 + LARGEST_SCALING * (2 * uniform - 1);
  if (parameter || name.endsWith("/pop_mean")) {
    return (uniform) => LARGEST_OFFSET * (2 * uniform - 1);
  }
  return (uniform) => LARGEST_SLOT * uniform;
}

function drawPattern(stream: string): Float64Array {
  const random = new Random(SEED, `numerics/${stream}`);
  return Float64Array.from({ length: PATTERN_LENGTH }, () => random.uniform());
}

function fill<Values extends Uint8Array | Int32Array | Float32Array>(
  values: Values,
  pattern: Float64Array,
  toValue: ToValue,
): Values {
  // The rest is copied within the array, which is faster than converting each value again.
  const period = Math.min(pattern.length, values.length);
  for (let at = 0; at < period; at++) values[at] = toValue(pattern[at]!);
  for (let at = period; at < values.length; at += period) values.copyWithin(at, 0, period);
  return values;
}
