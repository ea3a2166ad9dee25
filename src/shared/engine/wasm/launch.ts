// The contract between lowering and execution. A node of the graph is lowered to kernel launches, which are executed one after
// the other; the parts of one launch may run on several threads at the same time. Pure.
import type { Op } from "../../graph/graph.js";

export type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

/**
 * A call of the module's export `kernel(scratch: usize, from: i32, to: i32, ...args)`, which computes the parts from … to − 1
 * of its outputs. Parts are independent of each other, so the bits do not depend on how they are divided among threads.
 */
export interface Launch {
  readonly kernel: string;
  readonly parts: number;
  /** Memory that each thread needs at `scratch`, with undefined content; default: none. */
  readonly scratchBytes?: number;
  /** Pointers, integers and floats, as the kernel declares them. */
  readonly args: readonly number[];
}

/** A tensor in the module's memory. */
export interface Operand {
  /**
   * Byte offset, a multiple of 64. The memory is padded to a multiple of 64 bytes, which kernels may read and write; they may also
   * read up to 64 bytes beyond that. The content there is undefined.
   */
  readonly pointer: number;
  /** Without −1. Opaque values and effects have empty operands. */
  readonly shape: readonly number[];
}

/** The memory of a node's tensors. */
export interface NodeMemory {
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  /**
   * Reserves memory, with undefined content, that the node's launches share.
   * @returns a pointer, a multiple of 64
   */
  readonly reserve: (byteLength: number) => number;
}

/**
 * A pure function. It is called once with meaningless pointers, to find out how much memory it reserves, and then again with the
 * actual ones.
 */
export type Lowering<Kind extends Op["kind"]> = (op: OpOf<Kind>, memory: NodeMemory) => Launch[];
