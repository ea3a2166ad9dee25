// How TensorFlow's kernels are reached: tfjs-node's backend runs any op by name, with attributes that carry their type.
import { createRequire } from "node:module";
import type { Tensor, TensorFlow } from "./tensorflow.js";

export type SummaryWriter = ReturnType<TensorFlow["node"]["summaryFileWriter"]>;

const { Int64Scalar } = createRequire(import.meta.url)(
  "@tensorflow/tfjs-node/dist/int64_tensors.js",
) as { Int64Scalar: new (value: number) => object };

export interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

interface Constants {
  TF_ATTR_STRING: number;
  TF_ATTR_INT: number;
  TF_ATTR_FLOAT: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_TYPE: number;
  TF_ATTR_SHAPE: number;
  TF_FLOAT: number;
  TF_INT32: number;
}

interface Binding extends Constants {
  executeOp(name: string, attributes: Attribute[], inputIds: number[], outputs: number): unknown;
  deleteTensor(id: number): void;
}

interface NodeBackend {
  binding: Binding;
  getInputTensorIds(inputs: unknown[]): number[];
  executeMultipleOutputs(
    name: string,
    attributes: Attribute[],
    inputs: Tensor[],
    outputCount: number,
  ): Tensor[];
}

export class Kernels {
  readonly tf: TensorFlow;
  private readonly backend: NodeBackend;
  /** Most ops' attribute T. */
  protected readonly float: Attribute;

  constructor(tf: TensorFlow) {
    this.tf = tf;
    this.backend = tf.backend() as unknown as NodeBackend;
    this.float = this.type("T");
  }

  /** Runs `body` and frees every tensor that it made; what it returns must be plain values. */
  tidy<T>(body: () => T): T {
    const engine = this.tf.engine();
    engine.startScope();
    try {
      return body();
    } finally {
      engine.endScope();
    }
  }

  protected get int32(): number {
    return this.backend.binding.TF_INT32;
  }

  protected execute(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number) {
    return this.backend.executeMultipleOutputs(name, attributes, inputs, outputs);
  }

  /** An op of TensorFlow's summaries: it takes the writer, the step as an int64, which tfjs has no tensors of, and more. */
  protected writeSummary(
    name: string,
    attributes: Attribute[],
    writer: SummaryWriter,
    step: number,
    inputs: () => Tensor[],
  ): void {
    const { backend } = this;
    this.tidy(() => {
      const { resourceHandle } = writer as unknown as { resourceHandle: Tensor };
      const ids = backend.getInputTensorIds([resourceHandle, new Int64Scalar(step), ...inputs()]);
      backend.binding.executeOp(name, attributes, ids, 0);
      // The backend made a tensor for the step, and knows nothing of it any more.
      backend.binding.deleteTensor(ids[1]!);
    });
  }

  protected one(name: string, attributes: Attribute[], inputs: Tensor[]): Tensor {
    return this.execute(name, attributes, inputs, 1)[0]!;
  }

  protected attribute(name: string, type: keyof Constants, value: unknown): Attribute {
    return { name, type: this.backend.binding[type], value };
  }

  protected type(name: string): Attribute {
    return this.attribute(name, "TF_ATTR_TYPE", this.backend.binding.TF_FLOAT);
  }

  protected text(name: string, value: string): Attribute {
    return this.attribute(name, "TF_ATTR_STRING", value);
  }

  protected integers(name: string, value: number[]): Attribute {
    return this.attribute(name, "TF_ATTR_INT", value);
  }

  protected flag(name: string, value: boolean): Attribute {
    return this.attribute(name, "TF_ATTR_BOOL", value);
  }
}
