// One case or more for every op, for the conformance suite: how it is put into a graph, from which inputs, and how near an
// engine's float32 must come to the float64 reference.
import { GraphBuilder } from "../../src/shared/graph/builder.js";
import type { LossKind, Op, Value } from "../../src/shared/graph/graph.js";
import type { ActivationKind } from "../../src/shared/network/spec.js";
import { type Window, windowOutput } from "../../src/shared/network/window-shape.js";
import { randomLabels, randomValues, uniformValues } from "../support/reference/random-values.js";

/** Ops that change nothing; effects are tested in conformance.ts. */
export type ValueOpKind = Exclude<
  Op["kind"],
  | "placeholder"
  | "constant"
  | "variable"
  | "scale-variable"
  | "sgd-step"
  | "momentum-step"
  | "adam-step"
  | "rmsprop-step"
>;

export interface Input {
  value: Value;
  shape: readonly number[];
  values: Float32Array | Int32Array;
}

/** A graph with random inputs. */
export class CaseGraph extends GraphBuilder {
  readonly inputs: Input[] = [];

  /** Of N samples. */
  samples(shape: readonly number[], range?: readonly [number, number]): Value {
    return this.input([-1, ...shape.slice(1)], shape, range);
  }

  /** Without samples: weights, vectors. */
  fixed(shape: readonly number[], range?: readonly [number, number]): Value {
    return this.input(shape, shape, range);
  }

  labels(samples: number, classes: number): Value {
    const values = randomLabels(samples, classes, "labels");
    return this.fed(this.placeholder("labels", [-1], "int32"), [samples], values);
  }

  /** Of N samples, with these values. */
  given(shape: readonly number[], values: Float32Array): Value {
    const name = `input${this.inputs.length}`;
    return this.fed(this.placeholder(name, [-1, ...shape.slice(1)]), shape, values);
  }

  private input(
    placeholderShape: readonly number[],
    shape: readonly number[],
    range?: readonly [number, number],
  ): Value {
    const name = `input${this.inputs.length}`;
    const values = range ? uniformValues(shape, name, range) : randomValues(shape, name);
    return this.fed(this.placeholder(name, placeholderShape), shape, values);
  }

  private fed(value: Value, shape: readonly number[], values: Float32Array | Int32Array): Value {
    this.inputs.push({ value, shape, values });
    return value;
  }
}

export interface OpCase {
  name: string;
  /** Of the largest value of an output; in float32 an operation is wrong by 6e-8. */
  tolerance: number;
  /** @returns what is compared */
  build: (graph: CaseGraph) => Value[];
}

/** An op whose results are those of a few operations on each value. */
const POINTWISE = 5e-7;
/** An op that adds up values. */
const SUM = 3e-6;

/** Odd sizes: even kernels, strides larger than windows, images of one pixel, one sample. */
const WINDOWS: readonly { image: readonly number[]; window: Window }[] = [
  { image: [2, 7, 6, 3], window: { size: [3, 3], strides: [1, 1], padding: "same" } },
  { image: [3, 8, 8, 2], window: { size: [2, 2], strides: [2, 2], padding: "same" } },
  { image: [2, 7, 7, 2], window: { size: [2, 2], strides: [2, 2], padding: "same" } },
  { image: [2, 7, 6, 3], window: { size: [4, 2], strides: [1, 1], padding: "same" } },
  { image: [2, 9, 8, 3], window: { size: [3, 2], strides: [2, 2], padding: "valid" } },
  { image: [2, 9, 8, 3], window: { size: [5, 4], strides: [2, 2], padding: "same" } },
  { image: [1, 7, 8, 2], window: { size: [2, 1], strides: [3, 3], padding: "same" } },
  { image: [1, 7, 8, 2], window: { size: [2, 2], strides: [3, 3], padding: "valid" } },
  { image: [1, 1, 1, 5], window: { size: [1, 1], strides: [1, 1], padding: "same" } },
  { image: [2, 1, 1, 3], window: { size: [3, 3], strides: [1, 1], padding: "same" } },
  { image: [2, 1, 1, 3], window: { size: [2, 2], strides: [2, 2], padding: "same" } },
  { image: [2, 4, 5, 1], window: { size: [4, 5], strides: [1, 1], padding: "valid" } },
  { image: [2, 6, 5, 3], window: { size: [3, 2], strides: [2, 1], padding: "same" } },
  { image: [2, 6, 5, 3], window: { size: [2, 3], strides: [1, 3], padding: "valid" } },
];

const ACTIVATIONS: readonly [ActivationKind, number][] = [
  ["relu", 0],
  ["relu6", 0],
  ["leaky-relu", 0.2],
  ["elu", 1],
  ["elu", 0.7],
  ["gelu", 0],
  ["gelu-tanh", 0],
  ["silu", 0],
  ["sigmoid", 0],
  ["tanh", 0],
];

const LOSSES: readonly LossKind[] = [
  { kind: "softmax-cross-entropy", labelSmoothing: 0 },
  { kind: "softmax-cross-entropy", labelSmoothing: 0.1 },
  { kind: "binary-cross-entropy", labelSmoothing: 0 },
  { kind: "binary-cross-entropy", labelSmoothing: 0.2 },
  { kind: "mean-squared-error" },
  { kind: "mean-absolute-error" },
  { kind: "huber", delta: 0.7 },
];

/** Images, features, one sample, one pixel, and sequences. */
const CHANNEL_SHAPES = [
  [5, 3, 4, 6],
  [1, 3, 4, 6],
  [7, 1, 1, 5],
  [9, 4],
  [1, 4],
  [3, 5, 2],
] as const;

const EPSILON = 1e-3;

function windowCases(
  make: (image: readonly number[], window: Window) => OpCase["build"],
): OpCase[] {
  return WINDOWS.map(({ image, window }) => ({
    name: `[${image.join()}] ${window.size.join("×")} by ${window.strides.join("×")} ${window.padding}`,
    tolerance: SUM,
    build: make(image, window),
  }));
}

function channelCases(build: (graph: CaseGraph, shape: readonly number[]) => Value[]): OpCase[] {
  return CHANNEL_SHAPES.map((shape) => ({
    name: `[${shape.join()}]`,
    tolerance: SUM,
    build: (graph) => build(graph, shape),
  }));
}

function activationCases(
  tolerance: number,
  build: (graph: CaseGraph, kind: ActivationKind, alpha: number) => Value[],
): OpCase[] {
  return ACTIVATIONS.map(([kind, alpha]) => ({
    name: `${kind}, alpha ${alpha}`,
    tolerance,
    build: (graph) => build(graph, kind, alpha),
  }));
}

/** dY, x and its moments. */
function normalisedInputs(graph: CaseGraph, shape: readonly number[]) {
  const [dy, x] = [graph.samples(shape), graph.samples(shape)];
  return { dy, x, moments: graph.moments(x), scale: graph.fixed([shape.at(-1)!]) };
}

export const OP_CASES: Readonly<Record<ValueOpKind, readonly OpCase[]>> = {
  conv2d: windowCases((image, window) => (graph) => {
    const kernel = graph.fixed([...window.size, image[3]!, 4]);
    return [graph.conv2d(graph.samples(image), kernel, window)];
  }),
  "conv2d-input-gradient": windowCases((image, window) => (graph) => {
    const kernel = graph.fixed([...window.size, image[3]!, 4]);
    const dy = graph.samples([image[0]!, ...outputOf(image, window), 4]);
    return [graph.conv2dInputGradient(kernel, dy, image.slice(1), window)];
  }),
  "conv2d-kernel-gradient": windowCases((image, window) => (graph) => {
    const dy = graph.samples([image[0]!, ...outputOf(image, window), 4]);
    return [graph.conv2dKernelGradient(graph.samples(image), dy, window)];
  }),
  "depthwise-conv2d": windowCases((image, window) => (graph) => {
    const kernel = graph.fixed([...window.size, image[3]!, 2]);
    return [graph.depthwiseConv2d(graph.samples(image), kernel, window)];
  }),
  "depthwise-conv2d-input-gradient": windowCases((image, window) => (graph) => {
    const kernel = graph.fixed([...window.size, image[3]!, 2]);
    const dy = graph.samples([image[0]!, ...outputOf(image, window), 2 * image[3]!]);
    return [graph.depthwiseConv2dInputGradient(kernel, dy, image.slice(1), window)];
  }),
  "depthwise-conv2d-kernel-gradient": windowCases((image, window) => (graph) => {
    const dy = graph.samples([image[0]!, ...outputOf(image, window), 2 * image[3]!]);
    return [graph.depthwiseConv2dKernelGradient(graph.samples(image), dy, window)];
  }),
  "max-pool": windowCases((image, window) => (graph) => {
    return [graph.maxPool(graph.samples(image), window).y];
  }),
  "max-pool-gradient": [
    ...windowCases((image, window) => (graph) => {
      const x = graph.samples(image);
      const pooled = graph.maxPool(x, window);
      const dy = graph.samples([image[0]!, ...outputOf(image, window), image[3]!]);
      return [graph.maxPoolGradient(x, pooled, dy, window)];
    }),
    {
      name: "the first of equal values",
      tolerance: 0,
      build: (graph) => {
        const window: Window = { size: [2, 2], strides: [2, 2], padding: "same" };
        const x = graph.given(
          [1, 4, 4, 1],
          Float32Array.from({ length: 16 }, (_, at) => at % 2),
        );
        const dy = graph.samples([1, 2, 2, 1]);
        return [graph.maxPoolGradient(x, graph.maxPool(x, window), dy, window)];
      },
    },
  ],
  "average-pool": windowCases((image, window) => (graph) => {
    return [graph.averagePool(graph.samples(image), window)];
  }),
  "average-pool-gradient": windowCases((image, window) => (graph) => {
    const dy = graph.samples([image[0]!, ...outputOf(image, window), image[3]!]);
    return [graph.averagePoolGradient(dy, image.slice(1), window)];
  }),

  "mat-mul": [
    [1, 7, 10],
    [13, 33, 17],
    [3, 1, 1],
  ].flatMap(([rows, inner, columns]) =>
    [false, true].flatMap((transposeA) =>
      [false, true].map((transposeB) => ({
        name: `${rows!}×${inner!}×${columns!}${transposeA ? ", aᵀ" : ""}${transposeB ? ", bᵀ" : ""}`,
        tolerance: SUM,
        build: (graph: CaseGraph) => {
          const a = graph.fixed(transposeA ? [inner!, rows!] : [rows!, inner!]);
          const b = graph.fixed(transposeB ? [columns!, inner!] : [inner!, columns!]);
          return [graph.matMul(a, b, { transposeA, transposeB })];
        },
      })),
    ),
  ),
  "bias-add": channelCases((graph, shape) => [
    graph.biasAdd(graph.samples(shape), graph.fixed([shape.at(-1)!])),
  ]),
  "bias-gradient": channelCases((graph, shape) => [graph.biasGradient(graph.samples(shape))]),

  activation: activationCases(POINTWISE, (graph, kind, alpha) => [
    graph.activation(graph.samples([5, 33], [-9, 9]), kind, alpha),
  ]),
  "activation-gradient": activationCases(2e-6, (graph, kind, alpha) => {
    const x = graph.samples([5, 33], [-9, 9]);
    const y = graph.activation(x, kind, alpha);
    return [graph.activationGradient(graph.samples([5, 33]), x, y, kind, alpha)];
  }),
  softmax: [
    {
      name: "large logits",
      tolerance: SUM,
      build: (graph) => [graph.softmax(graph.samples([4, 11], [-90, 90]))],
    },
    {
      name: "images",
      tolerance: SUM,
      build: (graph) => [graph.softmax(graph.samples([2, 3, 2, 5]))],
    },
  ],

  moments: [
    ...channelCases((graph, shape) => {
      const { mean, variance } = graph.moments(graph.samples(shape));
      return [mean, variance];
    }),
    {
      name: "values far from 0",
      tolerance: SUM,
      build: (graph) => {
        const { mean, variance } = graph.moments(graph.samples([20, 14, 14, 3], [100, 101]));
        return [mean, variance];
      },
    },
  ],
  normalise: channelCases((graph, shape) => {
    const [mean, scale, beta] = [0, 1, 2].map(() => graph.fixed([shape.at(-1)!])) as [
      Value,
      Value,
      Value,
    ];
    const variance = graph.fixed([shape.at(-1)!], [0.1, 3]);
    return [graph.normalise(graph.samples(shape), { mean, variance }, scale, beta, EPSILON)];
  }),
  "batch-norm-gradient": channelCases((graph, shape) => {
    const { dy, x, moments, scale } = normalisedInputs(graph, shape);
    const { dx, dScale, dBeta } = graph.batchNormGradient(dy, x, moments, scale, EPSILON);
    return [dx, dScale, dBeta];
  }),
  "batch-norm-sums": channelCases((graph, shape) => {
    const { dy, x, moments } = normalisedInputs(graph, shape);
    const { sumDy, sumDyNormalised } = graph.batchNormSums(dy, x, moments, EPSILON);
    return [sumDy, sumDyNormalised];
  }),
  "batch-norm-input-gradient": channelCases((graph, shape) => {
    const { dy, x, moments, scale } = normalisedInputs(graph, shape);
    const [meanDy, meanDyNormalised] = [graph.fixed([shape.at(-1)!]), graph.fixed([shape.at(-1)!])];
    const means = { meanDy, meanDyNormalised };
    return [graph.batchNormInputGradient(dy, x, moments, scale, means, EPSILON)];
  }),

  add: [
    {
      name: "images",
      tolerance: POINTWISE,
      build: (graph) => [
        graph.addTensors(graph.samples([2, 3, 3, 2]), graph.samples([2, 3, 3, 2])),
      ],
    },
  ],
  multiply: [
    {
      name: "of one shape",
      tolerance: POINTWISE,
      build: (graph) => [graph.multiply(graph.samples([3, 7]), graph.samples([3, 7]))],
    },
    {
      name: "by a scalar",
      tolerance: POINTWISE,
      build: (graph) => [graph.multiply(graph.samples([3, 7]), graph.fixed([]))],
    },
  ],
  concat: [
    {
      name: "channels of three",
      tolerance: 0,
      build: (graph) => [
        graph.concat(
          [1, 4, 2].map((channels) => graph.samples([2, 3, 2, channels])),
          2,
        ),
      ],
    },
    {
      name: "rows of images",
      tolerance: 0,
      build: (graph) => [
        graph.concat([graph.samples([2, 3, 2, 2]), graph.samples([2, 1, 2, 2])], 0),
      ],
    },
    {
      name: "one part",
      tolerance: 0,
      build: (graph) => [graph.concat([graph.samples([2, 3])], 0)],
    },
  ],
  slice: [
    {
      name: "channels",
      tolerance: 0,
      build: (graph) => [graph.slice(graph.samples([2, 3, 2, 5]), 2, 1, 3)],
    },
    {
      name: "one row",
      tolerance: 0,
      build: (graph) => [graph.slice(graph.samples([2, 3, 2, 5]), 0, 2, 1)],
    },
  ],
  reshape: [
    {
      name: "to rows",
      tolerance: 0,
      build: (graph) => [graph.reshape(graph.samples([2, 3, 2, 5]), [30])],
    },
    {
      name: "to images",
      tolerance: 0,
      build: (graph) => [graph.reshape(graph.samples([2, 12]), [2, 3, 2])],
    },
    {
      name: "to scalars",
      tolerance: 0,
      build: (graph) => [graph.reshape(graph.samples([3, 1]), [])],
    },
  ],
  pad: [
    {
      name: "four sides",
      tolerance: 0,
      build: (graph) => [
        graph.pad(graph.samples([2, 3, 2, 2]), { top: 1, bottom: 2, left: 0, right: 3 }),
      ],
    },
  ],
  crop: [
    {
      name: "four sides",
      tolerance: 0,
      build: (graph) => [
        graph.crop(graph.samples([2, 6, 5, 2]), { top: 1, bottom: 2, left: 0, right: 3 }),
      ],
    },
  ],

  loss: LOSSES.flatMap((loss) =>
    [1, 6].map((samples) => ({
      name: `${JSON.stringify(loss)} of ${samples}`,
      tolerance: SUM,
      build: (graph: CaseGraph) => {
        const predictions = graph.samples([samples, 5], [-4, 4]);
        const targets =
          loss.kind === "softmax-cross-entropy"
            ? graph.labels(samples, 5)
            : graph.samples([samples, 5], [0, 1]);
        const { losses, gradient } = graph.loss(predictions, targets, loss);
        return [losses, gradient];
      },
    })),
  ),
  "sum-of-squares": [[[]], [[7]], [[3, 3, 8, 20]]].map(([shape]) => ({
    name: `[${shape!.join()}]`,
    tolerance: SUM,
    build: (graph: CaseGraph) => [graph.sumOfSquares(graph.fixed(shape!))],
  })),
  "clip-factor": [
    {
      name: "of gradients above the limit",
      tolerance: POINTWISE,
      build: (graph) => [graph.clipFactor([graph.fixed([], [4, 5]), graph.fixed([], [4, 5])], 1.5)],
    },
    {
      name: "of gradients below the limit",
      tolerance: 0,
      build: (graph) => [graph.clipFactor([graph.fixed([], [0, 1])], 1.5)],
    },
    {
      name: "of gradients that are 0",
      tolerance: 0,
      build: (graph) => [graph.clipFactor([graph.constant("zero", [], Float32Array.of(0))], 1.5)],
    },
  ],
};

/** Height and width of what a window makes of the image. */
function outputOf(image: readonly number[], window: Window): readonly number[] {
  return windowOutput([image[1]!, image[2]!], window);
}
