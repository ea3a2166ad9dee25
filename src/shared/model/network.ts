// What a network is made of, as data: layers, the parameters they train, the statistics they keep. No tfjs here, so the
// protocol and the checkpoint know every shape without loading TensorFlow.
import type { ImageShape } from "../data/dataset.js";

export type LayerSpec =
  /** kernelSize × kernelSize, SAME, stride 1, no bias */
  | { kind: "convolution"; name: string; kernelSize: number; filters: number }
  /** over all axes but the last */
  | { kind: "batch-norm"; name: string }
  /** 2 × 2, SAME, stride 2 */
  | { kind: "max-pool" }
  | { kind: "relu" }
  /** flattens what comes in */
  | { kind: "dense"; name: string; units: number; bias: boolean };

export type Initial =
  { kind: "truncated-normal"; standardDeviation: number } | { kind: "constant"; value: number };

/**
 * The layers from the first dense one on, and those before it. The convolutions have most of the work and few of the weights,
 * the dense layers the other way round (Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
 * 2014); and the way back comes to the dense layers first. So the classifier's weights are made anew and sent while workers
 * go back through the features.
 */
export const HALVES = ["classifier", "features"] as const;
export type Half = (typeof HALVES)[number];

/** One trainable tensor. */
export interface ParameterSpec {
  name: string;
  shape: number[];
  initial: Initial;
  /** The kernel of a dense layer: its gradient over n samples is a product XᵀdY of an n-row X and an n-row dY. */
  isDenseKernel: boolean;
  half: Half;
}

/** The batch statistics of one normalised layer. */
export interface StatisticsSpec {
  name: string;
  channels: number;
  /** Values a channel has in one sample: 1 after a dense layer, the pixels after a convolution. */
  valuesPerSample: number;
}

export interface Network {
  image: ImageShape;
  classCount: number;
  layers: LayerSpec[];
  parameters: ParameterSpec[];
  statistics: StatisticsSpec[];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** The reference network: TensorFlow's "Deep MNIST for Experts" with batch normalisation in place of biases. */
export function cnn(image: ImageShape, classCount: number): Network {
  return networkOf(image, classCount, [
    { kind: "convolution", name: "conv1", kernelSize: 5, filters: 32 },
    { kind: "batch-norm", name: "conv1/bn" },
    // ReLU after the pool gives the same values as before it, on a quarter of them.
    { kind: "max-pool" },
    { kind: "relu" },
    { kind: "convolution", name: "conv2", kernelSize: 5, filters: 64 },
    { kind: "batch-norm", name: "conv2/bn" },
    { kind: "max-pool" },
    { kind: "relu" },
    { kind: "dense", name: "fc1", units: 1024, bias: false },
    { kind: "batch-norm", name: "fc1/bn" },
    { kind: "relu" },
    { kind: "dense", name: "fc2", units: classCount, bias: true },
  ]);
}

/** Follows the shapes through the layers and lists what each trains and keeps. */
export function networkOf(image: ImageShape, classCount: number, layers: LayerSpec[]): Network {
  const parameters: ParameterSpec[] = [];
  const statistics: StatisticsSpec[] = [];
  const kernel: Initial = { kind: "truncated-normal", standardDeviation: 0.1 };
  const constant = (value: number): Initial => ({ kind: "constant", value });
  const add = (name: string, shape: number[], initial: Initial, isDenseKernel = false) =>
    parameters.push({ name, shape, initial, isDenseKernel, half });
  let half: Half = "features";
  let [height, width, channels] = [image.height, image.width, 1];
  for (const layer of layers) {
    switch (layer.kind) {
      case "convolution":
        add(
          `${layer.name}/kernel`,
          [layer.kernelSize, layer.kernelSize, channels, layer.filters],
          kernel,
        );
        channels = layer.filters;
        break;
      case "batch-norm":
        add(`${layer.name}/scale`, [channels], constant(1));
        add(`${layer.name}/beta`, [channels], constant(0));
        statistics.push({ name: layer.name, channels, valuesPerSample: height * width });
        break;
      case "max-pool":
        [height, width] = [Math.ceil(height / 2), Math.ceil(width / 2)];
        break;
      case "relu":
        break;
      case "dense":
        half = "classifier";
        add(`${layer.name}/kernel`, [height * width * channels, layer.units], kernel, true);
        if (layer.bias) add(`${layer.name}/bias`, [layer.units], constant(0.1));
        [height, width, channels] = [1, 1, layer.units];
        break;
      default:
        layer satisfies never;
    }
  }
  return { image, classCount, layers, parameters, statistics };
}

/**
 * Whether the gradient of a parameter is carried as its two factors instead of their product: where the factors of the
 * largest shard are smaller. A dense kernel [in × out] over n samples: n·(in + out) against in·out values
 * (the "sufficient factors" of Xie et al., "Lighter-communication distributed machine learning via sufficient factor
 * broadcasting", 2016). It depends on the configuration alone, as it decides how sums are rounded.
 */
export function isFactored(parameter: ParameterSpec, largestShard: number): boolean {
  const [inputs, outputs] = parameter.shape;
  if (!parameter.isDenseKernel || inputs === undefined || outputs === undefined) return false;
  return largestShard * (inputs + outputs) < inputs * outputs;
}
