// What a worker does: forward and backward over a shard, and inference on a piece of a data set.
import type { Samples } from "../data/dataset.js";
import { forwardLayer, inferLayer, type TensorGradient, type Trace } from "./layers.js";
import { isFactored } from "./network.js";
import type { Replica } from "./replica.js";
import type { Tensor } from "./tensorflow.js";
import type { EvaluationResult, Gradient, ShardResult } from "./values.js";

/** value/255 as float32, for every byte. */
const SCALED = Float32Array.from({ length: 256 }, (_, value) => value / 255);

function inputTensor(replica: Replica, samples: Samples): Tensor {
  const { height, width } = replica.network.image;
  const values = new Float32Array(samples.pixels.length);
  for (let index = 0; index < values.length; index++)
    values[index] = SCALED[samples.pixels[index]!]!;
  return replica.ops.tf.tensor4d(values, [samples.count, height, width, 1], "float32");
}

function labelTensor(replica: Replica, samples: Samples): Tensor {
  return replica.ops.tf.tensor1d(Int32Array.from(samples.labels), "int32");
}

/**
 * The shard's part in the step: with the shard's own batch statistics, differentiated through.
 * @param samples at least one
 * @param batchSize samples of the global batch, over which the loss is the mean
 * @param largestShard samples of the largest shard; it decides the form of the gradients (`isFactored`)
 * @param onFactors is given the gradients that are carried as factors as soon as they are there, while the layers below
 * them are still to be gone back through
 */
export function shardResult(
  replica: Replica,
  samples: Samples,
  batchSize: number,
  largestShard: number,
  onFactors?: (gradients: ReadonlyMap<string, Gradient>) => void,
): ShardResult {
  const { ops, network } = replica;
  return ops.tidy(() => {
    const trace: Trace = { gradients: new Map(), moments: new Map() };
    const factored = new Set(
      network.parameters
        .filter((parameter) => isFactored(parameter, largestShard))
        .map((parameter) => parameter.name),
    );
    const context = {
      ops,
      trace,
      weight: replica.reader(),
      isFactored: (name: string) => factored.has(name),
    };
    let x = inputTensor(replica, samples);
    const steps = network.layers.map((layer) => {
      const { y, backward } = forwardLayer(layer, x, context);
      x = y;
      return backward;
    });
    const { losses, dLogits } = ops.softmaxCrossEntropy(x, labelTensor(replica, samples));
    let dy: Tensor | null = ops.scale(dLogits, 1 / batchSize);
    const gradients = new Map<string, Gradient>();
    for (let index = steps.length - 1; index >= 0 && dy; index--) {
      dy = steps[index]!(dy, index > 0);
      const areThere = [...factored].every((name) => trace.gradients.has(name));
      if (gradients.size > 0 || factored.size === 0 || !areThere) continue;
      for (const name of factored) gradients.set(name, hostGradient(trace.gradients.get(name)!));
      onFactors?.(gradients);
    }
    for (const [name, gradient] of trace.gradients) {
      if (!gradients.has(name)) gradients.set(name, hostGradient(gradient));
    }
    return {
      loss: sum(losses) / batchSize,
      gradients,
      moments: trace.moments,
    };
  });
}

/** [samples × classes], with the population statistics; to be called within the caller's `tidy`. */
function logits(replica: Replica, samples: Samples): Tensor {
  const { ops, network } = replica;
  const weight = replica.reader();
  let x = inputTensor(replica, samples);
  for (const layer of network.layers) x = inferLayer(layer, x, ops, weight);
  return x;
}

/** Classes and losses with the population statistics. */
export function evaluationResult(replica: Replica, samples: Samples): EvaluationResult {
  const { ops, network } = replica;
  return ops.tidy(() => {
    const x = logits(replica, samples);
    const { losses } = ops.softmaxCrossEntropy(x, labelTensor(replica, samples));
    return {
      predictions: rowMaxima(floats(x), network.classCount),
      lossSum: sum(losses),
    };
  });
}

/** [samples × classes]: softmax of the logits, with the population statistics. Labels are not looked at. */
export function classProbabilities(replica: Replica, samples: Samples): Float32Array {
  const { ops } = replica;
  return ops.tidy(() => {
    return floats(ops.tf.softmax(logits(replica, samples) as ReturnType<typeof ops.tf.tensor2d>));
  });
}

function hostGradient(gradient: TensorGradient): Gradient {
  if (gradient.form === "dense") return { form: "dense", values: floats(gradient.values) };
  const { inputs, outputs } = gradient;
  const own = { rows: inputs.shape[0], inputs: floats(inputs), outputs: floats(outputs) };
  return { form: "factors", shards: [own] };
}

function floats(tensor: Tensor): Float32Array {
  return tensor.dataSync() as Float32Array;
}

/** In float64 and in order, so that it is the same wherever it is added up. */
function sum(tensor: Tensor): number {
  return floats(tensor).reduce((total, value) => total + value, 0);
}

/** The column of each row's largest value; the first of equal ones. */
function rowMaxima(values: Float32Array, columns: number): Uint8Array {
  const maxima = new Uint8Array(values.length / columns);
  for (let row = 0; row < maxima.length; row++) {
    let best = 0;
    for (let column = 1; column < columns; column++) {
      if (values[row * columns + column]! > values[row * columns + best]!) best = column;
    }
    maxima[row] = best;
  }
  return maxima;
}
