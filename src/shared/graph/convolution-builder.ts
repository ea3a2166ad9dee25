// A convolution's ops: its forward pass, and the gradients with respect to its input and its kernel. Pure.
import type { Window } from "../network/window-shape.js";
import type { Value } from "./graph.js";
import type { ComputedOp } from "./infer.js";

/** A window whose size is that of the kernel. */
export type Sliding = Omit<Window, "size">;

/** Over all channels together, or each channel on its own. */
type ConvolutionKind = "conv2d" | "depthwise-conv2d";

export class ConvolutionBuilder {
  private readonly kind: ConvolutionKind;
  private readonly add: (op: ComputedOp, inputs: readonly Value[]) => Value;

  /** @param add adds an op with one output to the graph */
  constructor(kind: ConvolutionKind, add: (op: ComputedOp, inputs: readonly Value[]) => Value) {
    this.kind = kind;
    this.add = add;
  }

  forward(x: Value, kernel: Value, sliding: Sliding): Value {
    return this.add({ kind: this.kind, ...windowOfKernel(kernel, sliding) }, [x, kernel]);
  }

  /** @param inputShape of one sample */
  inputGradient(kernel: Value, dy: Value, inputShape: readonly number[], sliding: Sliding): Value {
    const kind = `${this.kind}-input-gradient` as const;
    return this.add({ kind, inputShape, ...windowOfKernel(kernel, sliding) }, [kernel, dy]);
  }

  kernelGradient(x: Value, dy: Value, { size, strides, padding }: Window): Value {
    const kind = `${this.kind}-kernel-gradient` as const;
    return this.add({ kind, size, strides, padding }, [x, dy]);
  }
}

function windowOfKernel(kernel: Value, { strides, padding }: Sliding): Window {
  const [height, width] = kernel.shape;
  if (height === undefined || width === undefined) throw new RangeError("a kernel without sides");
  return { size: [height, width], strides, padding };
}
