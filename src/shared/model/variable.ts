import type { Ops } from "./ops.js";
import type { Tensor } from "./tensorflow.js";

/** Weights that live in TensorFlow between steps, so that Adam changes them in place and reading them copies nothing. */
export class Variable {
  readonly shape: number[];
  readonly handle: Tensor;
  private readonly ops: Ops;

  constructor(ops: Ops, shape: number[], handle: Tensor) {
    this.ops = ops;
    this.shape = shape;
    this.handle = handle;
  }

  /** The present value; it belongs to the caller's `tidy`, and must be gone before the next change in place. */
  read(): Tensor {
    return this.ops.readVariable(this.handle);
  }

  /** @param values must not be changed afterwards: TensorFlow may go on using its memory */
  assign(values: Float32Array): void {
    this.ops.tidy(() => {
      this.ops.assignVariable(this.handle, this.ops.tf.tensor(values, this.shape, "float32"));
    });
  }

  dispose(): void {
    this.ops.destroyVariable(this.handle);
    this.handle.dispose();
  }
}
