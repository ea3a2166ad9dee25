// Activations and their gradients as TensorFlow nodes. Those without a kernel are composed of several nodes. Pure.
import type { ActivationKind } from "../../network/spec.js";
import type { Attributes, Output } from "./graph-def.js";
import { FLOAT, type NodeEmitter } from "./node-emitter.js";

interface Activation {
  activation: ActivationKind;
  alpha: number;
}

export function lowerActivation(
  emitter: NodeEmitter,
  { activation, alpha }: Activation,
  x: Output,
): Output {
  switch (activation) {
    case "relu":
      return emitter.float("Relu", [x]);
    case "relu6":
      return emitter.float("Relu6", [x]);
    case "leaky-relu":
      return emitter.emit("LeakyRelu", [x], leaky(alpha));
    case "elu":
      // TensorFlow's kernel has no scale; a leaky ReLU scales the negative part.
      if (alpha === 1) return emitter.float("Elu", [x]);
      return emitter.emit("LeakyRelu", [emitter.float("Elu", [x], "unscaled")], leaky(alpha));
    case "gelu":
      return emitter.float("Mul", [x, normalDistribution(emitter, x)]);
    case "gelu-tanh": {
      const { factor } = geluTanh(emitter, x);
      return emitter.float("Mul", [x, factor]);
    }
    case "silu":
      return emitter.float("Mul", [x, emitter.float("Sigmoid", [x], "sigmoid")]);
    case "sigmoid":
      return emitter.float("Sigmoid", [x]);
    case "tanh":
      return emitter.float("Tanh", [x]);
    default:
      return activation satisfies never;
  }
}

/** dY, x, y → dX */
export function lowerActivationGradient(
  emitter: NodeEmitter,
  { activation, alpha }: Activation,
  [dy, x, y]: readonly [Output, Output, Output],
): Output {
  const times = (derivative: Output) => emitter.float("Mul", [dy, derivative]);
  switch (activation) {
    case "relu":
      return emitter.float("ReluGrad", [dy, y]);
    case "relu6":
      return emitter.float("Relu6Grad", [dy, y]);
    case "leaky-relu":
      return emitter.emit("LeakyReluGrad", [dy, x], leaky(alpha));
    case "elu": {
      if (alpha === 1) return emitter.float("EluGrad", [dy, y]);
      const scaled = emitter.emit("LeakyReluGrad", [dy, x], leaky(alpha), "scaled");
      return emitter.float("EluGrad", [scaled, emitter.float("Elu", [x], "unscaled")]);
    }
    case "gelu":
      return times(geluDerivative(emitter, x));
    case "gelu-tanh":
      return times(geluTanhDerivative(emitter, x));
    case "silu":
      return times(siluDerivative(emitter, x));
    case "sigmoid":
      return emitter.float("SigmoidGrad", [y, dy]);
    case "tanh":
      return emitter.float("TanhGrad", [y, dy]);
    default:
      return activation satisfies never;
  }
}

function leaky(alpha: number): Attributes {
  return { ...FLOAT, alpha: { number: alpha } };
}

/** Φ(x) = ½ erfc(−x/√2), which is also accurate for negative x, where ½(1 + erf(x/√2)) suffers from cancellation. */
function normalDistribution(emitter: NodeEmitter, x: Output): Output {
  const scaled = multiply(emitter, x, -Math.SQRT1_2, "scaled");
  return multiply(emitter, emitter.float("Erfc", [scaled], "erfc"), 0.5, "distribution");
}

/** Φ(x) + x·φ(x), φ(x) = exp(−x²/2)/√(2π) */
function geluDerivative(emitter: NodeEmitter, x: Output): Output {
  const exponent = multiply(emitter, emitter.float("Square", [x], "square"), -0.5, "exponent");
  const exp = emitter.float("Exp", [exponent], "exp");
  const density = multiply(emitter, exp, 1 / Math.sqrt(2 * Math.PI), "density");
  const slope = emitter.float("Mul", [x, density], "slope");
  return emitter.float("AddV2", [normalDistribution(emitter, x), slope], "derivative");
}

const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBE = 0.044715;

/** t = tanh(√(2/π)·(x + 0.044715·x³)) and ½(1 + t), with x² */
function geluTanh(emitter: NodeEmitter, x: Output): { square: Output; t: Output; factor: Output } {
  const square = emitter.float("Square", [x], "square");
  const polynomial = add(emitter, multiply(emitter, square, GELU_CUBE, "cubic"), 1, "polynomial");
  const product = emitter.float("Mul", [x, polynomial], "product");
  const t = emitter.float("Tanh", [multiply(emitter, product, GELU_SCALE, "argument")], "tanh");
  return { square, t, factor: add(emitter, multiply(emitter, t, 0.5, "half"), 0.5, "factor") };
}

/** ½(1 + t) + ½x·(1 − t²)·√(2/π)·(1 + 3·0.044715·x²) */
function geluTanhDerivative(emitter: NodeEmitter, x: Output): Output {
  const { square, t, factor } = geluTanh(emitter, x);
  const inner = add(
    emitter,
    multiply(emitter, square, 1.5 * GELU_CUBE * GELU_SCALE, "inner_square"),
    0.5 * GELU_SCALE,
    "inner",
  );
  const complement = emitter.float(
    "Sub",
    [emitter.scalar("unity", 1), emitter.float("Square", [t], "tanh_square")],
    "complement",
  );
  const slope = emitter.float(
    "Mul",
    [emitter.float("Mul", [x, inner], "outer"), complement],
    "slope",
  );
  return emitter.float("AddV2", [factor, slope], "derivative");
}

/** σ·(1 + x·(1 − σ)) */
function siluDerivative(emitter: NodeEmitter, x: Output): Output {
  const sigmoid = emitter.float("Sigmoid", [x], "sigmoid");
  const complement = emitter.float("Sub", [emitter.scalar("unity", 1), sigmoid], "complement");
  const slope = add(emitter, emitter.float("Mul", [x, complement], "product"), 1, "slope");
  return emitter.float("Mul", [sigmoid, slope], "derivative");
}

function multiply(emitter: NodeEmitter, x: Output, factor: number, part: string): Output {
  return emitter.float("Mul", [x, emitter.scalar(`${part}_factor`, factor)], part);
}

function add(emitter: NodeEmitter, x: Output, term: number, part: string): Output {
  return emitter.float("AddV2", [x, emitter.scalar(`${part}_term`, term)], part);
}
