// At least one case for every op. Here: activations, losses, products and changes of shape.
import type { LossKind, Value } from "../../../src/shared/graph/graph.js";
import type { ActivationKind } from "../../../src/shared/network/spec.js";
import { CHANNEL_CASES } from "./channel-cases.js";
import {
  type CaseGraph,
  type OpCase,
  type OpCases,
  POINTWISE,
  SUM,
  type ValueOpKind,
} from "./op-case.js";
import { WINDOW_CASES } from "./window-cases.js";

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

export const OP_CASES: OpCases<ValueOpKind> = {
  ...WINDOW_CASES,
  ...CHANNEL_CASES,

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
