// Translates an inference graph into ONNX ops (onnx/docs/Operators.md, opset 17), with channels first. Pure.
import type { Node, Op, Value } from "../../shared/graph/graph.js";
import { type Window, windowPadding } from "../../shared/network/window-shape.js";
import {
  axisWithChannelsFirst,
  hasInnerSides,
  permutationToFirst,
  permutationToLast,
  type Shape,
  transposeKernel,
} from "./channels-first.js";
import { lowerOnnxActivation } from "./lower-onnx-activation.js";
import { OnnxEmitter } from "./onnx-emitter.js";
import type { OnnxAttribute } from "./onnx-proto.js";

type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

/** The ops of inference graphs, besides constants. */
const KINDS = [
  ...(["placeholder", "conv2d", "depthwise-conv2d", "mat-mul", "bias-add"] as const),
  ...(["max-pool", "average-pool", "activation", "softmax", "normalise"] as const),
  ...(["add", "multiply", "concat", "reshape", "pad"] as const),
] as const;
type InferenceOp = OpOf<(typeof KINDS)[number]>;

function isInferenceOp(op: Op): op is InferenceOp {
  return KINDS.some((kind) => kind === op.kind);
}

/** Lowers one node after the other; each value has the name of its node. */
export class OnnxLowering {
  readonly emitter = new OnnxEmitter();
  private readonly names = new Map<Value, string>();
  /** Nodes whose values are the input of a pool. */
  private pooled: ReadonlySet<Node> = new Set();

  /** @throws RangeError for an op that inference graphs do not have */
  lower(nodes: readonly Node[]): void {
    const pools = nodes.filter(({ op }) => op.kind === "max-pool" || op.kind === "average-pool");
    this.pooled = new Set(pools.map(({ inputs }) => inputs[0]!.node));
    for (const node of nodes) {
      // Constants are written where they are used, in the order of axes that is required there.
      if (node.op.kind === "constant") continue;
      this.names.set(
        node.outputs[0]!,
        this.emitter.within(node.name, () => this.lowerNode(node)),
      );
    }
  }

  /** Adds a named output. @throws RangeError if the value is not [N,K] */
  addOutput(name: string, value: Value): void {
    const source = this.nameOf(value);
    if (hasInnerSides(value.shape)) throw new RangeError(`the output ${name} is not [N,K]`);
    this.emitter.emitAs(name, "Identity", [source]);
  }

  private lowerNode(node: Node): string {
    const { emitter } = this;
    const { op, inputs } = node;
    const [x, second] = inputs;
    const shape = x?.shape ?? [];
    if (!isInferenceOp(op)) throw new RangeError(`${op.kind} is not an op of inference graphs`);
    switch (op.kind) {
      case "placeholder":
        return this.toFirst(emitter.reserve(node.name), node.outputs[0]!.shape);
      case "conv2d":
        return this.lowerConv(op, x!, second!, false);
      case "depthwise-conv2d":
        return this.lowerConv(op, x!, second!, true);
      case "mat-mul":
        if (op.transposeA || op.transposeB) throw new RangeError("a transposed product");
        return emitter.emit("MatMul", [this.nameOf(x!), this.constant(second!)]);
      case "bias-add":
        return emitter.emit("Add", [this.nameOf(x!), this.channelConstant(second!, shape)]);
      case "max-pool":
        return this.lowerPool("MaxPool", op, x!);
      case "average-pool":
        return this.lowerPool("AveragePool", op, x!);
      case "activation":
        return lowerOnnxActivation(emitter, op, this.nameOf(x!));
      case "softmax":
        return emitter.emit("Softmax", [this.nameOf(x!)], { axis: { integer: 1 } });
      case "normalise": {
        // x, mean, variance, scale, beta; ONNX has the moments last.
        const [mean, variance, scale, beta] = inputs.slice(1).map((value) => this.constant(value));
        const operands = [this.nameOf(x!), scale!, beta!, mean!, variance!];
        return emitter.emit("BatchNormalization", operands, { epsilon: { float: op.epsilon } });
      }
      case "add":
        return emitter.emit("Add", [this.nameOf(x!), this.nameOf(second!)]);
      case "multiply":
        return emitter.emit("Mul", [this.nameOf(x!), this.constant(second!)]);
      case "concat": {
        const axis = { integer: axisWithChannelsFirst(op.axis, shape) };
        const parts = inputs.map((value) => this.nameOf(value));
        return emitter.emit("Concat", parts, { axis });
      }
      case "reshape":
        return this.lowerReshape(x!, op.shape);
      case "pad":
        return this.lowerPad(op, x!, this.pooled.has(node));
      default:
        return op satisfies never;
    }
  }

  private lowerConv(
    op: OpOf<"conv2d" | "depthwise-conv2d">,
    x: Value,
    kernel: Value,
    isDepthwise: boolean,
  ): string {
    const shape = kernel.shape as readonly [number, number, number, number];
    const { values, name } = constantOf(kernel);
    const transposed = transposeKernel(values, shape, isDepthwise);
    const weights = this.emitter.constant(name, transposed.shape, transposed.values);
    const group = { integer: isDepthwise ? shape[2] : 1 };
    return this.emitter.emit("Conv", [this.nameOf(x), weights], {
      ...windowAttributes(op, x.shape),
      group,
    });
  }

  /**
   * onnxruntime's optimizer (pad_fusion.cc, seen in 1.30) merges a Pad into a pool that follows it, but the pool excludes padding
   * from its result. Two changes of sign around the Pad prevent that.
   */
  private lowerPad(op: OpOf<"pad">, x: Value, isPooled: boolean): string {
    const { emitter } = this;
    const { top, bottom, left, right } = op;
    const pads = emitter.integers("pads", [0, 0, top, left, 0, 0, bottom, right]);
    if (!isPooled) return emitter.emit("Pad", [this.nameOf(x), pads]);
    const negative = emitter.emit("Neg", [this.nameOf(x)], {}, "negative");
    return emitter.emit("Neg", [emitter.emit("Pad", [negative, pads], {}, "padded")]);
  }

  private lowerPool(
    type: "MaxPool" | "AveragePool",
    op: OpOf<"max-pool" | "average-pool">,
    x: Value,
  ): string {
    // AveragePool excludes padding from its means, as TensorFlow does.
    return this.emitter.emit(type, [this.nameOf(x)], windowAttributes(op, x.shape));
  }

  /** Reshapes each sample, whose values must be in the graph's order. */
  private lowerReshape(x: Value, shape: Shape): string {
    const { emitter } = this;
    const source = this.nameOf(x);
    const last = hasInnerSides(x.shape)
      ? emitter.emit("Transpose", [source], permutation(permutationToLast(x.shape)), "last")
      : source;
    const target = emitter.integers("shape", [-1, ...shape]);
    const isInner = shape.length >= 2;
    const y = emitter.emit("Reshape", [last, target], {}, isInner ? "reshaped" : undefined);
    return isInner ? this.toFirst(y, [-1, ...shape]) : y;
  }

  private toFirst(source: string, shape: Shape): string {
    if (!hasInnerSides(shape)) return source;
    return this.emitter.emit(
      "Transpose",
      [source],
      permutation(permutationToFirst(shape)),
      "first",
    );
  }

  private nameOf(value: Value): string {
    const name = this.names.get(value);
    if (name === undefined)
      throw new RangeError(`${value.node.name} is used before it is computed`);
    return name;
  }

  private constant(value: Value): string {
    const { name, values } = constantOf(value);
    return this.emitter.constant(name, value.shape, values);
  }

  /** One value per channel [C], in a shape that ONNX broadcasts over the other sides of x. */
  private channelConstant(value: Value, shape: Shape): string {
    const { name, values } = constantOf(value);
    const sides = [values.length, ...shape.slice(2).map(() => 1)];
    return this.emitter.constant(name, sides, values);
  }
}

function constantOf({ node }: Value): { name: string; values: Float32Array } {
  if (node.op.kind !== "constant" || !(node.op.values instanceof Float32Array)) {
    throw new RangeError(`${node.name} is not a float32 constant`);
  }
  return { name: node.name, values: node.op.values };
}

function permutation(perm: readonly number[]): Record<string, OnnxAttribute> {
  return { perm: { integers: perm } };
}

/** @param shape of x, with channels last */
function windowAttributes(
  { size, strides, padding }: Window,
  shape: Shape,
): Record<string, OnnxAttribute> {
  const rows = windowPadding(shape[1]!, size[0], strides[0], padding);
  const columns = windowPadding(shape[2]!, size[1], strides[1], padding);
  return {
    kernel_shape: { integers: size },
    pads: { integers: [rows.before, columns.before, rows.after, columns.after] },
    strides: { integers: strides },
  };
}
