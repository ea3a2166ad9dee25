// A scope of the wasm engine: holds tensors in the module's memory until it ends.
import type { Value } from "../../graph/graph.js";
import type { Feed, OwnedScope, Tensor } from "../engine.js";
import type { Block, DeviceMemory } from "./device-memory.js";
import { DeviceTensor, HostTensor, toWasm } from "./tensor.js";

/** What a run needs from its scope. */
export interface RunMemory {
  /** The address of a tensor's values. Those in the caller's memory are copied at their first use. */
  locate(tensor: Tensor): number;
  /** Allocates memory until the scope ends. */
  allocate(byteLength: number): Block;
}

export type RunFunction = (
  feeds: readonly Feed[],
  fetches: readonly Value[],
  memory: RunMemory,
) => DeviceTensor[];

export class WasmScope implements OwnedScope, RunMemory {
  private readonly memory: DeviceMemory;
  private readonly runGraph: RunFunction;
  private readonly onClose: () => void;
  private readonly blocks: Block[] = [];
  private readonly copies = new Map<HostTensor, number>();

  constructor(memory: DeviceMemory, runGraph: RunFunction, onClose: () => void) {
    this.memory = memory;
    this.runGraph = runGraph;
    this.onClose = onClose;
  }

  /** The number of blocks that it holds. */
  get size(): number {
    return this.blocks.length;
  }

  tensor(shape: readonly number[], values: Float32Array | Int32Array): Tensor {
    return new HostTensor(shape, values);
  }

  run(feeds: readonly Feed[], fetches: readonly Value[]): Tensor[] {
    const fed = new Map(feeds);
    const computed = [...new Set(fetches.filter((value) => !fed.has(value)))];
    const tensors = this.runGraph(feeds, computed, this);
    return fetches.map((value) => fed.get(value) ?? tensors[computed.indexOf(value)]!);
  }

  floats(tensor: Tensor): Float32Array {
    const own = toWasm(tensor);
    if (own instanceof HostTensor) {
      if (own.values instanceof Float32Array) return own.values.slice();
    } else if (own.type === "float32") {
      return this.memory.floats(own.block.pointer, own.block.byteLength / 4).slice();
    }
    throw new RangeError("not a float32 tensor");
  }

  locate(tensor: Tensor): number {
    const own = toWasm(tensor);
    if (own instanceof DeviceTensor) return own.block.pointer;
    let pointer = this.copies.get(own);
    if (pointer === undefined) {
      ({ pointer } = this.allocate(own.values.byteLength));
      this.memory.write(pointer, own.values);
      this.copies.set(own, pointer);
    }
    return pointer;
  }

  allocate(byteLength: number): Block {
    const block = this.memory.allocate(byteLength);
    this.blocks.push(block);
    return block;
  }

  close(): void {
    for (const block of this.blocks.splice(0)) this.memory.free(block);
    this.copies.clear();
    this.onClose();
  }
}
