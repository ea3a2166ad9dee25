// Builds a graph op by op. Types and shapes are inferred and checked immediately (infer.ts), so a mistake is reported at the
// line that makes it. Pure.
import type { ActivationKind } from "../network/spec.js";
import { sizeOf } from "../network/network.js";
import type { Window } from "../network/window-shape.js";
import { ConvolutionBuilder } from "./convolution-builder.js";
import type { DataType, Graph, LossKind, Node, Op, Value } from "./graph.js";
import { type ComputedOp, inferOutputs } from "./infer.js";
import { expectShape, expectType, isSameShape, type OutputType } from "./infer-checks.js";
import { NodeList } from "./node-list.js";
import { type StepOp, variablesOf } from "./op-variables.js";

/** Rows and columns added to an image's sides, or removed from them. */
export interface Border {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

export interface MomentValues {
  mean: Value;
  variance: Value;
}

export interface PoolValues {
  y: Value;
  notes: Value;
}

export interface LossValues {
  /** [N] */
  losses: Value;
  /** With respect to the predictions. */
  gradient: Value;
}

export class GraphBuilder implements Graph {
  readonly conv2d = new ConvolutionBuilder("conv2d", (...of) => this.one(...of));
  readonly depthwiseConv2d = new ConvolutionBuilder("depthwise-conv2d", (...of) => this.one(...of));
  private readonly list = new NodeList();
  private readonly variables = new Map<string, Value>();

  get nodes(): readonly Node[] {
    return this.list.nodes;
  }

  /** Nodes that `body` adds have names that begin with `scope/`; TensorBoard folds them. */
  within<T>(scope: string, body: () => T): T {
    return this.list.within(scope, body);
  }

  /** @param shape its first side is −1 if that is the number of samples */
  placeholder(name: string, shape: readonly number[], type: DataType = "float32"): Value {
    return this.addSource(name, { kind: "placeholder" }, { shape, type });
  }

  constant(name: string, shape: readonly number[], values: Float32Array | Int32Array): Value {
    if (values.length !== sizeOf(shape)) {
      throw new RangeError(`${values.length} values for a constant [${shape.join()}]`);
    }
    const type = values instanceof Float32Array ? "float32" : "int32";
    return this.addSource(name, { kind: "constant", values }, { shape, type });
  }

  /** The variable's current value: one node for each variable, outside of all scopes. */
  variable(name: string, shape: readonly number[]): Value {
    const known = this.variables.get(name);
    if (known) {
      if (isSameShape(known.shape, shape)) return known;
      throw new RangeError(`variable ${name} is [${known.shape.join()}], not [${shape.join()}]`);
    }
    const op: Op = { kind: "variable", variable: name };
    const value = this.list.atRoot(() => this.addSource(name, op, { shape, type: "float32" }));
    this.variables.set(name, value);
    return value;
  }

  matMul(
    a: Value,
    b: Value,
    { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean } = {},
  ): Value {
    return this.one({ kind: "mat-mul", transposeA, transposeB }, [a, b]);
  }

  biasAdd(x: Value, bias: Value): Value {
    return this.one({ kind: "bias-add" }, [x, bias]);
  }

  biasGradient(dy: Value): Value {
    return this.one({ kind: "bias-gradient" }, [dy]);
  }

  maxPool(x: Value, window: Window): PoolValues {
    const [y, notes] = this.add({ kind: "max-pool", ...windowOf(window) }, [x]).outputs;
    return { y: y!, notes: notes! };
  }

  maxPoolGradient(x: Value, { y, notes }: PoolValues, dy: Value, window: Window): Value {
    return this.one({ kind: "max-pool-gradient", ...windowOf(window) }, [x, y, notes, dy]);
  }

  averagePool(x: Value, window: Window): Value {
    return this.one({ kind: "average-pool", ...windowOf(window) }, [x]);
  }

  /** @param inputShape of one sample */
  averagePoolGradient(dy: Value, inputShape: readonly number[], window: Window): Value {
    return this.one({ kind: "average-pool-gradient", inputShape, ...windowOf(window) }, [dy]);
  }

  activation(x: Value, activation: ActivationKind, alpha = 0): Value {
    return this.one({ kind: "activation", activation, alpha }, [x]);
  }

  activationGradient(dy: Value, x: Value, y: Value, activation: ActivationKind, alpha = 0): Value {
    return this.one({ kind: "activation-gradient", activation, alpha }, [dy, x, y]);
  }

  softmax(x: Value): Value {
    return this.one({ kind: "softmax" }, [x]);
  }

  moments(x: Value): MomentValues {
    const [mean, variance] = this.add({ kind: "moments" }, [x]).outputs;
    return { mean: mean!, variance: variance! };
  }

  normalise(
    x: Value,
    { mean, variance }: MomentValues,
    scale: Value,
    beta: Value,
    epsilon: number,
  ): Value {
    return this.one({ kind: "normalise", epsilon }, [x, mean, variance, scale, beta]);
  }

  batchNormGradient(
    dy: Value,
    x: Value,
    { mean, variance }: MomentValues,
    scale: Value,
    epsilon: number,
  ): { dx: Value; dScale: Value; dBeta: Value } {
    const inputs = [dy, x, mean, variance, scale];
    const [dx, dScale, dBeta] = this.add({ kind: "batch-norm-gradient", epsilon }, inputs).outputs;
    return { dx: dx!, dScale: dScale!, dBeta: dBeta! };
  }

  batchNormSums(
    dy: Value,
    x: Value,
    { mean, variance }: MomentValues,
    epsilon: number,
  ): { sumDy: Value; sumDyNormalised: Value } {
    const inputs = [dy, x, mean, variance];
    const [sumDy, sumDyNormalised] = this.add({ kind: "batch-norm-sums", epsilon }, inputs).outputs;
    return { sumDy: sumDy!, sumDyNormalised: sumDyNormalised! };
  }

  batchNormInputGradient(
    dy: Value,
    x: Value,
    { mean, variance }: MomentValues,
    scale: Value,
    { meanDy, meanDyNormalised }: { meanDy: Value; meanDyNormalised: Value },
    epsilon: number,
  ): Value {
    const inputs = [dy, x, mean, variance, scale, meanDy, meanDyNormalised];
    return this.one({ kind: "batch-norm-input-gradient", epsilon }, inputs);
  }

  addTensors(a: Value, b: Value): Value {
    return this.one({ kind: "add" }, [a, b]);
  }

  multiply(a: Value, b: Value): Value {
    return this.one({ kind: "multiply" }, [a, b]);
  }

  /** @param axis counts from 0 among the axes of one sample, here and in `slice` */
  concat(parts: readonly Value[], axis: number): Value {
    return this.one({ kind: "concat", axis }, parts);
  }

  slice(x: Value, axis: number, from: number, size: number): Value {
    return this.one({ kind: "slice", axis, from, size }, [x]);
  }

  /** @param shape of one sample */
  reshape(x: Value, shape: readonly number[]): Value {
    return this.one({ kind: "reshape", shape }, [x]);
  }

  pad(x: Value, border: Border): Value {
    return this.one({ kind: "pad", ...borderOf(border) }, [x]);
  }

  crop(x: Value, border: Border): Value {
    return this.one({ kind: "crop", ...borderOf(border) }, [x]);
  }

  loss(predictions: Value, targets: Value, loss: LossKind): LossValues {
    const [losses, gradient] = this.add({ kind: "loss", loss }, [predictions, targets]).outputs;
    return { losses: losses!, gradient: gradient! };
  }

  sumOfSquares(x: Value): Value {
    return this.one({ kind: "sum-of-squares" }, [x]);
  }

  clipFactor(squares: readonly Value[], limit: number): Value {
    return this.one({ kind: "clip-factor", limit }, squares);
  }

  /** @param after effects that must run first, here and in `step` */
  scaleVariable(variable: string, factor: Value, after: readonly Value[] = []): Value {
    this.expectVariable(variable);
    return this.add({ kind: "scale-variable", variable }, [factor], after).outputs[0]!;
  }

  /** One step of an optimizer on one variable. */
  step(op: StepOp, gradient: Value, rate: Value, after: readonly Value[] = []): Value {
    for (const name of variablesOf(op)) expectShape(this.expectVariable(name), gradient.shape);
    return this.add(op, [gradient, rate], after).outputs[0]!;
  }

  private one(op: ComputedOp, inputs: readonly Value[]): Value {
    return this.add(op, inputs).outputs[0]!;
  }

  private add(op: ComputedOp, inputs: readonly Value[], after: readonly Value[] = []): Node {
    for (const value of after) expectType(value, "effect");
    return this.list.add(op.kind, op, inputs, after, inferOutputs(op, inputs));
  }

  private addSource(name: string, op: Op, type: OutputType): Value {
    return this.list.add(name, op, [], [], [type]).outputs[0]!;
  }

  private expectVariable(name: string): Value {
    const variable = this.variables.get(name);
    if (!variable) throw new RangeError(`no variable ${name} in this graph`);
    return variable;
  }
}

function windowOf({ size, strides, padding }: Window): Window {
  return { size, strides, padding };
}

function borderOf({ top, bottom, left, right }: Border): Border {
  return { top, bottom, left, right };
}
