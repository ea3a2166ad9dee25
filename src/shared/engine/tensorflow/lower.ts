// Translates the op graph into TensorFlow nodes with the same names, for sessions and for TensorBoard. An op without a kernel of
// its own becomes several nodes NAME/PART. Pure: TensorFlow is not loaded.
import type { Graph, Node, Value } from "../../graph/graph.js";
import { type NodeDef, NumberType, type Output } from "./graph-def.js";
import { lowerActivation, lowerActivationGradient } from "./lower-activations.js";
import {
  lowerBias,
  lowerClipFactor,
  lowerConcat,
  lowerCrop,
  lowerMatMul,
  lowerPad,
  lowerSlice,
  lowerSumOfSquares,
} from "./lower-arithmetic.js";
import {
  lowerDepthwise,
  lowerDepthwiseInputGradient,
  lowerDepthwiseKernelGradient,
} from "./lower-depthwise.js";
import { lowerLoss } from "./lower-losses.js";
import {
  lowerBatchNormGradient,
  lowerBatchNormInputGradient,
  lowerBatchNormSums,
  lowerMoments,
  lowerNormalise,
} from "./lower-normalisation.js";
import { lowerStep } from "./lower-steps.js";
import { type LoweredVariable, lowerVariable, VARIABLE } from "./lower-variables.js";
import {
  lowerAveragePool,
  lowerAveragePoolGradient,
  lowerConv2d,
  lowerConv2dInputGradient,
  lowerConv2dKernelGradient,
  lowerMaxPool,
  lowerMaxPoolGradient,
} from "./lower-windows.js";
import { NodeEmitter } from "./node-emitter.js";

export interface LoweredGraph {
  readonly nodes: readonly NodeDef[];
  /** Without values that TensorFlow does not need: the notes of max-pools without oneDNN. */
  readonly outputs: ReadonlyMap<Value, Output>;
  readonly variables: ReadonlyMap<string, LoweredVariable>;
}

/** @param hasOneDnnPool whether TensorFlow has oneDNN's kernels for max-pools */
export function lowerGraph(
  graph: Graph,
  { hasOneDnnPool }: { hasOneDnnPool: boolean },
): LoweredGraph {
  return new Lowering(hasOneDnnPool).lower(graph);
}

class Lowering {
  private readonly emitter = new NodeEmitter();
  private readonly outputs = new Map<Value, Output>();
  private readonly variables = new Map<string, LoweredVariable>();
  private readonly hasOneDnnPool: boolean;

  constructor(hasOneDnnPool: boolean) {
    this.hasOneDnnPool = hasOneDnnPool;
  }

  lower({ nodes }: Graph): LoweredGraph {
    const { emitter, outputs, variables } = this;
    // The graph's own names are reserved before those of parts.
    const names = nodes.map(({ name }) => emitter.reserveName(name));
    nodes.forEach((node, index) => {
      const after = node.after.map((value) => this.output(value).node);
      const found = emitter.within(names[index]!, after, () => this.lowerNode(node));
      node.outputs.forEach((value) => {
        const output = found[value.index];
        if (output) outputs.set(value, output);
      });
    });
    return { nodes: emitter.nodes, outputs, variables };
  }

  private lowerNode(node: Node): readonly (Output | undefined)[] {
    const { emitter } = this;
    const { op } = node;
    const inputs = node.inputs.map((value) => this.outputs.get(value));
    if (op.kind === "max-pool-gradient") return [lowerMaxPoolGradient(emitter, op, inputs)];
    const all = node.inputs.map((value) => this.output(value));
    const [a, b, c] = all as [Output, Output, Output];
    /** The shapes of the first input and the first output. */
    const [from, to] = [node.inputs[0]?.shape ?? [], node.outputs[0]!.shape];
    switch (op.kind) {
      case "placeholder": {
        const type = node.outputs[0]!.type === "int32" ? NumberType.int32 : NumberType.float32;
        return [emitter.emit("Placeholder", [], { dtype: { type }, shape: { shape: to } })];
      }
      case "constant":
        return [emitter.constant(undefined, to, op.values)];
      case "variable":
        return [this.lowerVariable(op.variable, to)];

      case "conv2d":
        return [lowerConv2d(emitter, op, all)];
      case "conv2d-input-gradient":
        return [lowerConv2dInputGradient(emitter, op, [a, b])];
      case "conv2d-kernel-gradient":
        return [lowerConv2dKernelGradient(emitter, op, [a, b], to)];
      case "depthwise-conv2d":
        return [lowerDepthwise(emitter, op, [a, b], from)];
      case "depthwise-conv2d-input-gradient":
        return [lowerDepthwiseInputGradient(emitter, op, [a, b], to, node.inputs[1]!.shape[3]!)];
      case "depthwise-conv2d-kernel-gradient":
        return [lowerDepthwiseKernelGradient(emitter, op, [a, b], from, to)];
      case "max-pool":
        return lowerMaxPool(emitter, op, a, this.hasOneDnnPool);
      case "average-pool":
        return [lowerAveragePool(emitter, op, a)];
      case "average-pool-gradient":
        return [lowerAveragePoolGradient(emitter, op, a)];

      case "mat-mul":
        return [lowerMatMul(emitter, op, all)];
      case "bias-add":
        return [lowerBias(emitter, "BiasAdd", all)];
      case "bias-gradient":
        return [lowerBias(emitter, "BiasAddGrad", all)];
      case "activation":
        return [lowerActivation(emitter, op, a)];
      case "activation-gradient":
        return [lowerActivationGradient(emitter, op, [a, b, c])];
      case "softmax":
        return [emitter.float("Softmax", all)];

      case "moments":
        return lowerMoments(emitter, a, from);
      case "normalise":
        return [lowerNormalise(emitter, op.epsilon, all, from)];
      case "batch-norm-gradient":
        return lowerBatchNormGradient(emitter, op.epsilon, all, from);
      case "batch-norm-sums":
        return lowerBatchNormSums(emitter, op.epsilon, all, from);
      case "batch-norm-input-gradient":
        return [lowerBatchNormInputGradient(emitter, op.epsilon, all, from)];

      case "add":
        return [emitter.float("AddV2", all)];
      case "multiply":
        return [emitter.float("Mul", all)];
      case "concat":
        return [lowerConcat(emitter, op, all)];
      case "slice":
        return [lowerSlice(emitter, op, a, from)];
      case "reshape":
        return [emitter.reshape(a, [-1, ...op.shape])];
      case "pad":
        return [lowerPad(emitter, op, a)];
      case "crop":
        return [lowerCrop(emitter, op, a, to)];

      case "loss":
        return lowerLoss(emitter, op.loss, [a, b], from[1]!);
      case "sum-of-squares":
        return [lowerSumOfSquares(emitter, a)];
      case "clip-factor":
        return [lowerClipFactor(emitter, op, all)];
      case "scale-variable":
      case "optimizer-step":
        return [lowerStep(emitter, op, all, (name) => this.variable(name).handle)];
      default:
        return op satisfies never;
    }
  }

  private lowerVariable(name: string, shape: readonly number[]): Output {
    const known = this.variables.get(name);
    if (known) return this.emitter.emit("ReadVariableOp", [known.handle], VARIABLE);
    const { value, variable } = lowerVariable(this.emitter, name, shape);
    this.variables.set(name, variable);
    return value;
  }

  private output(value: Value): Output {
    const output = this.outputs.get(value);
    if (!output) throw new RangeError(`${value.node.name} is used before it is computed`);
    return output;
  }

  private variable(name: string): LoweredVariable {
    const variable = this.variables.get(name);
    if (!variable) throw new RangeError(`no variable ${name} in this graph`);
    return variable;
  }
}
