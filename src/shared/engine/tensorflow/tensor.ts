// Tensors in TensorFlow's memory, and the scope that frees them.
import type { Value } from "../../graph/graph.js";
import type { Feed, OwnedScope, Tensor } from "../engine.js";
import type { TensorFlow } from "./tensorflow.js";

export class NativeTensor implements Tensor {
  readonly shape: readonly number[];
  /** The binding's id of the tensor; undefined for a value that TensorFlow does not need. */
  readonly id: number | undefined;

  constructor(id: number | undefined, shape: readonly number[]) {
    this.id = id;
    this.shape = shape;
  }
}

/** @throws RangeError if the number of values does not match the shape */
export function createTensor(
  tf: TensorFlow,
  shape: readonly number[],
  values: Float32Array | Int32Array,
): NativeTensor {
  const type = values instanceof Float32Array ? tf.TF_FLOAT : tf.TF_INT32;
  return new NativeTensor(tf.createTensor(shape, type, values), shape);
}

export function deleteTensor(tf: TensorFlow, { id }: NativeTensor): void {
  if (id !== undefined) tf.deleteTensor(id);
}

/** @throws RangeError if the tensor belongs to another engine */
export function toNative(tensor: Tensor): NativeTensor {
  if (!(tensor instanceof NativeTensor)) throw new RangeError("a tensor of another engine");
  return tensor;
}

export type RunFunction = (feeds: readonly Feed[], fetches: readonly Value[]) => NativeTensor[];

export class NativeScope implements OwnedScope {
  private readonly tf: TensorFlow;
  private readonly runGraph: RunFunction;
  private readonly tensors: NativeTensor[] = [];

  constructor(tf: TensorFlow, runGraph: RunFunction) {
    this.tf = tf;
    this.runGraph = runGraph;
  }

  tensor(shape: readonly number[], values: Float32Array | Int32Array): Tensor {
    const tensor = createTensor(this.tf, shape, values);
    this.tensors.push(tensor);
    return tensor;
  }

  run(feeds: readonly Feed[], fetches: readonly Value[]): Tensor[] {
    // TensorFlow refuses to fetch a value that is fed.
    const fed = new Map(feeds);
    const tensors = this.runGraph(
      feeds,
      fetches.filter((value) => !fed.has(value)),
    );
    this.tensors.push(...tensors);
    let next = 0;
    return fetches.map((value) => fed.get(value) ?? tensors[next++]!);
  }

  floats(tensor: Tensor): Float32Array {
    const { id } = toNative(tensor);
    const values = id === undefined ? undefined : this.tf.tensorDataSync(id);
    if (!(values instanceof Float32Array)) throw new RangeError("not a float32 tensor");
    return values;
  }

  close(): void {
    for (const tensor of this.tensors.splice(0)) deleteTensor(this.tf, tensor);
  }
}
