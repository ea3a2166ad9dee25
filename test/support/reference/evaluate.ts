// Executes a graph in float64, node by node, with the plainest loops: what engines are measured against.
import type { Node, Value } from "../../../src/shared/graph/graph.js";
import { activate, activationDerivative } from "./activations.js";
import { loss, softmax } from "./losses.js";
import {
  batchNormGradient,
  batchNormInputGradient,
  batchNormSums,
  biasGradient,
  moments,
  normalise,
} from "./normalisation.js";
import { addBorder, concat, matMul, slice } from "./shapes.js";
import { isEffect, takeStep, type Variables } from "./steps.js";
import { combine, mapValues, type ReferenceTensor, reshape, tensorOf } from "./tensor.js";
import {
  averagePool,
  averagePoolGradient,
  convolve,
  convolveInputGradient,
  convolveKernelGradient,
  maxPool,
  maxPoolGradient,
} from "./windows.js";

/** Nodes read the variables as they were before the run; effects change them as they come. */
export function evaluate(
  feeds: ReadonlyMap<Value, ReferenceTensor>,
  fetches: readonly Value[],
  variables: Variables,
): ReferenceTensor[] {
  const before = new Map(variables);
  const results = new Map<Node, readonly ReferenceTensor[]>();
  const valueOf = (value: Value): ReferenceTensor => {
    const fed = feeds.get(value);
    if (fed) return fed;
    const { node } = value;
    let outputs = results.get(node);
    if (!outputs) {
      node.after.forEach(valueOf);
      const inputs = node.inputs.map(valueOf);
      outputs = evaluateNode(node, inputs, before, variables);
      results.set(node, outputs);
    }
    return outputs[value.index]!;
  };
  return fetches.map(valueOf);
}

function evaluateNode(
  { name, op, outputs }: Node,
  inputs: readonly ReferenceTensor[],
  before: Variables,
  variables: Variables,
): readonly ReferenceTensor[] {
  if (isEffect(op)) {
    takeStep(op, inputs, variables);
    return [tensorOf([], [0])];
  }
  const [a, b, c, d] = inputs as [
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
  ];
  switch (op.kind) {
    case "placeholder":
      throw new RangeError(`nothing is fed to ${name}`);
    case "constant":
      return [tensorOf(outputs[0]!.shape, op.values)];
    case "variable":
      return [before.get(op.variable)!];

    case "conv2d":
      return [convolve(a, b, op, false)];
    case "conv2d-input-gradient":
      return [convolveInputGradient(a, b, op.inputShape, op, false)];
    case "conv2d-kernel-gradient":
      return [convolveKernelGradient(a, b, op, false)];
    case "depthwise-conv2d":
      return [convolve(a, b, op, true)];
    case "depthwise-conv2d-input-gradient":
      return [convolveInputGradient(a, b, op.inputShape, op, true)];
    case "depthwise-conv2d-kernel-gradient":
      return [convolveKernelGradient(a, b, op, true)];
    case "max-pool":
      return maxPool(a, op);
    case "max-pool-gradient":
      return [maxPoolGradient(a, c, d)];
    case "average-pool":
      return [averagePool(a, op)];
    case "average-pool-gradient":
      return [averagePoolGradient(a, op.inputShape, op)];

    case "mat-mul":
      return [matMul(op, a, b)];
    case "bias-add":
    case "add":
      return [combine(a, b, (x, y) => x + y)];
    case "bias-gradient":
      return [biasGradient(a)];
    case "activation":
      return [mapValues(a, (x) => activate(op.activation, op.alpha, x))];
    case "activation-gradient":
      return [combine(a, b, (dy, x) => dy * activationDerivative(op.activation, op.alpha, x))];
    case "softmax":
      return [softmax(a)];

    case "moments":
      return moments(a);
    case "normalise":
      return [normalise(inputs, op.epsilon)];
    case "batch-norm-gradient":
      return batchNormGradient(inputs, op.epsilon);
    case "batch-norm-sums":
      return batchNormSums(inputs, op.epsilon);
    case "batch-norm-input-gradient":
      return [batchNormInputGradient(inputs, op.epsilon)];

    case "multiply":
      return [combine(a, b, (x, y) => x * y)];
    case "concat":
      return [concat(op.axis, inputs)];
    case "slice":
      return [slice(op, a)];
    case "reshape":
      return [reshape(a, [a.shape[0]!, ...op.shape])];
    case "pad":
      return [addBorder(a, op)];
    case "crop": {
      const { top, bottom, left, right } = op;
      return [addBorder(a, { top: -top, bottom: -bottom, left: -left, right: -right })];
    }

    case "loss":
      return loss(op.loss, a, b);
    case "sum-of-squares":
      return [tensorOf([], [a.values.reduce((sum, value) => sum + value * value, 0)])];
    case "clip-factor": {
      const squares = inputs.reduce((sum, { values }) => sum + values[0]!, 0);
      return [tensorOf([], [Math.min(1, op.limit / Math.sqrt(squares))])];
    }
    default:
      return op satisfies never;
  }
}
