// Samples as an engine is fed them.
import type { Samples } from "../data/samples.js";
import type { Tensor, TensorScope } from "../engine/engine.js";
import type { LossKind } from "../graph/graph.js";
import type { RunLayout } from "../run-layout.js";

/** value/255 as float32, for every byte. */
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

/** In the form that the loss takes: class numbers [N], or values [N,K]. */
export function feedTargets(
  layout: RunLayout,
  { count, targets }: Samples,
  scope: TensorScope,
): Tensor {
  const { loss, data } = layout.config;
  if (takesClasses(loss)) return scope.tensor([count], targets);
  const size = layout.network.outputShape[0]!;
  if (targets instanceof Float32Array) return scope.tensor([count, size], targets);
  if (data.target.kind !== "classes") throw new RangeError("class numbers in a run of values");
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
