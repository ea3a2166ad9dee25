// The tensors that a shard's pass or an inference is fed, except for weights.
import { augmentSamples } from "../data/augmentation.js";
import type { Samples } from "../data/samples.js";
import type { Tensor, TensorScope } from "../engine/engine.js";
import { dropoutMask } from "../graph/dropout-mask.js";
import type { LossKind, Value } from "../graph/graph.js";
import { sizeOf } from "../network/network.js";
import type { RunLayout } from "../run-layout.js";
import type { Replica } from "./replica.js";

/** One of the parts of a global batch. */
export interface Shard {
  step: number;
  /** Position of its first sample in the global batch; dropout and augmentation depend on it. */
  firstSample: number;
  /** At least one. */
  samples: Samples;
}

/** What a shard's pass is fed from its start, by the values of the training graph. */
export function feedShard(
  { graph: { training }, layout, population }: Replica,
  { step, firstSample, samples }: Shard,
  scope: TensorScope,
): Map<Value, Tensor> {
  const { batchSize, seed, augmentation, network } = layout.config;
  const { count } = samples;
  const place = step * batchSize + firstSample;
  const trained = augmentation
    ? augmentSamples(samples, network.inputShape, augmentation, { seed, place })
    : samples;
  const tensors = new Map<Value, Tensor>([
    [training.inputs, feedInputs(layout, trained, scope)],
    [training.targets, feedTargets(layout, samples, scope)],
    [training.lossScale, scope.tensor([], Float32Array.of(1 / batchSize))],
  ]);
  for (const [layer, mask] of training.dropoutMasks) {
    const shape = mask.shape.slice(1);
    const rate = dropoutRate(layout, layer);
    const size = sizeOf(shape);
    const values = dropoutMask({ seed, step, layer, rate, firstSample, count, size });
    tensors.set(mask, scope.tensor([count, ...shape], values));
  }
  for (const [name, value] of training.statistics) {
    tensors.set(value, scope.tensor(value.shape, population.tensor(name)!));
  }
  return tensors;
}

function dropoutRate({ network }: RunLayout, name: string): number {
  const layer = network.layers.find((each) => each.name === name)?.layer;
  if (layer?.kind !== "dropout") throw new RangeError(`no dropout layer ${name}`);
  return layer.rate;
}

/** byte/255 as float32, for each byte. */
const SCALED = Float32Array.from({ length: 256 }, (_, value) => value / 255);

/** [N, …input shape] */
export function feedInputs(
  layout: RunLayout,
  { count, inputs }: Samples,
  scope: TensorScope,
): Tensor {
  const shape = [count, ...layout.network.inputShape];
  return scope.tensor(shape, inputs instanceof Float32Array ? inputs : scaleBytes(inputs));
}

function scaleBytes(bytes: Uint8Array): Float32Array {
  const values = new Float32Array(bytes.length);
  for (let index = 0; index < values.length; index++) values[index] = SCALED[bytes[index]!]!;
  return values;
}

/** In the form that the loss expects: class numbers [N], or values [N,K]. */
export function feedTargets(
  layout: RunLayout,
  { count, targets }: Samples,
  scope: TensorScope,
): Tensor {
  const { loss, data } = layout.config;
  if (takesClasses(loss)) return scope.tensor([count], targets);
  const size = layout.network.outputShape[0]!;
  if (targets instanceof Float32Array) return scope.tensor([count, size], targets);
  if (data.target.kind !== "classes")
    throw new RangeError("class numbers in a run whose targets are values");
  return scope.tensor(
    [count, size],
    size === 1 ? Float32Array.from(targets) : oneHot(targets, size),
  );
}

function takesClasses({ kind }: LossKind): boolean {
  return kind === "softmax-cross-entropy";
}

function oneHot(classes: Int32Array, size: number): Float32Array {
  const values = new Float32Array(classes.length * size);
  classes.forEach((each, row) => (values[row * size + each] = 1));
  return values;
}
