// Tensors of the wasm engine: values in the caller's arrays, which are copied to the module's memory when a run reads them, and
// results of runs, which already are there.
import type { DataType } from "../../graph/graph.js";
import { sizeOf } from "../../network/network.js";
import type { Tensor } from "../engine.js";
import type { Block } from "./device-memory.js";

export class HostTensor implements Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;

  /** @throws RangeError if the number of values does not match the shape */
  constructor(shape: readonly number[], values: Float32Array | Int32Array) {
    if (values.length !== sizeOf(shape)) {
      throw new RangeError(`${values.length} values for a tensor [${shape.join()}]`);
    }
    this.shape = shape;
    this.values = values;
  }
}

export class DeviceTensor implements Tensor {
  readonly shape: readonly number[];
  readonly type: DataType;
  readonly block: Block;

  constructor(shape: readonly number[], type: DataType, block: Block) {
    this.shape = shape;
    this.type = type;
    this.block = block;
  }
}

/** @throws RangeError if the tensor belongs to another engine */
export function toWasm(tensor: Tensor): HostTensor | DeviceTensor {
  if (tensor instanceof HostTensor || tensor instanceof DeviceTensor) return tensor;
  throw new RangeError("a tensor of another engine");
}
