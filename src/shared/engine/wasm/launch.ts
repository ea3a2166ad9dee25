// The contract between lowering and execution. A node of the graph is lowered to launches of kernels, which are executed one
// after the other; the parts of one launch may run on several threads at once. Pure.
import type { Op } from "../../graph/graph.js";

export type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

/**
 * A call of the module's export `kernel(scratch: usize, from: i32, to: i32, ...args)`, which computes the parts from … to − 1
 * of its outputs. Parts are independent of each other: wherever they are cut among threads, the bits are the same.
 */
export interface Launch {
  readonly kernel: string;
  readonly parts: number;
  /** Memory of the calling thread's own, at `scratch`, undefined at the start; none if not given. */
  readonly scratchBytes?: number;
  /** Pointers, integers and floats, as the kernel declares them. */
  readonly args: readonly number[];
}

/** A tensor in the module's memory. */
export interface Operand {
  /**
   * Byte offset, a multiple of 64. Its memory goes on to the next multiple of 64 bytes: kernels may read and write there, and
   * read up to 64 bytes further; what is there means nothing.
   */
  readonly pointer: number;
  /** Without −1. Opaque values and effects have an operand of no bytes. */
  readonly shape: readonly number[];
}

/** Where a node's tensors are. */
export interface NodeMemory {
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  /**
   * Memory that the node's launches share, undefined at the start.
   * @returns a pointer, a multiple of 64
   */
  readonly reserve: (byteLength: number) => number;
}

/**
 * A function of its arguments alone. It is called once to learn how much memory is reserved, with pointers that mean nothing,
 * and again with the places.
 */
export type Lowering<Kind extends Op["kind"]> = (op: OpOf<Kind>, memory: NodeMemory) => Launch[];
