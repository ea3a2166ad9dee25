// Activations as ONNX ops; those that opset 17 lacks are composed of several. Pure.
import type { ActivationKind } from "../../shared/network/spec.js";
import type { OnnxEmitter } from "./onnx-emitter.js";

const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBE = 0.044715;

/** @param x the name of the input @returns the name of the output */
export function lowerOnnxActivation(
  emitter: OnnxEmitter,
  { activation, alpha }: { activation: ActivationKind; alpha: number },
  x: string,
): string {
  switch (activation) {
    case "relu":
      return emitter.emit("Relu", [x]);
    case "relu6":
      return emitter.emit("Clip", [x, emitter.scalar("min", 0), emitter.scalar("max", 6)]);
    case "leaky-relu":
      return emitter.emit("LeakyRelu", [x], { alpha: { float: alpha } });
    case "elu":
      return emitter.emit("Elu", [x], { alpha: { float: alpha } });
    case "gelu": {
      // ½x·(1 + erf(x/√2))
      const scaled = emitter.emit("Mul", [x, emitter.scalar("scale", Math.SQRT1_2)], {}, "scaled");
      return halfOnePlus(emitter, x, emitter.emit("Erf", [scaled], {}, "erf"));
    }
    case "gelu-tanh": {
      // ½x·(1 + tanh(√(2/π)·x·(1 + 0.044715·x²)))
      const square = emitter.emit("Mul", [x, x], {}, "square");
      const cubic = emitter.emit("Mul", [square, emitter.scalar("cube", GELU_CUBE)], {}, "cubic");
      const sum = emitter.emit("Add", [cubic, emitter.scalar("unity", 1)], {}, "polynomial");
      const product = emitter.emit("Mul", [x, sum], {}, "product");
      const argument = emitter.emit(
        "Mul",
        [product, emitter.scalar("factor", GELU_SCALE)],
        {},
        "argument",
      );
      return halfOnePlus(emitter, x, emitter.emit("Tanh", [argument], {}, "tanh"));
    }
    case "silu":
      return emitter.emit("Mul", [x, emitter.emit("Sigmoid", [x], {}, "sigmoid")]);
    case "sigmoid":
      return emitter.emit("Sigmoid", [x]);
    case "tanh":
      return emitter.emit("Tanh", [x]);
    default:
      return activation satisfies never;
  }
}

/** ½x·(1 + t) */
function halfOnePlus(emitter: OnnxEmitter, x: string, t: string): string {
  const sum = emitter.emit("Add", [t, emitter.scalar("one", 1)], {}, "sum");
  const half = emitter.emit("Mul", [sum, emitter.scalar("half", 0.5)], {}, "half_sum");
  return emitter.emit("Mul", [x, half]);
}
