// Collects the dense gradients of one bucket: of single shards, and sums over complete subtrees of the fixed tree
// (statistics/tree.ts). Each sum consists of the tree's own additions, so the total has the same bits whichever of them arrived.
// Pure.
import { foldKnown } from "../statistics/tree.js";
import type { Gradients } from "./tensors.js";

/** Dense gradients, summed over the shards `from` … `from` + `count` − 1. */
export interface SubtreeSum {
  from: number;
  count: number;
  gradients: Gradients;
}

export class GradientTree {
  /** By the node's key. */
  private readonly known = new Map<string, Gradients>();

  /** @param shards the gradients of each shard, in order */
  static of(shards: readonly Gradients[]): GradientTree {
    const tree = new GradientTree();
    shards.forEach((gradients, shard) => tree.add({ from: shard, count: 1, gradients }));
    return tree;
  }

  /** Adds a node's sum; a single shard is a sum of one. If the node is known already, the second sum has the same bits. */
  add({ from, count, gradients }: SubtreeSum): void {
    const key = keyOf(from, count);
    if (!this.known.has(key)) this.known.set(key, gradients);
  }

  /** Whether the sum over a node of the tree can be computed. @param from the node's first shard */
  isComplete(from: number, count: number): boolean {
    const known = (start: number, length: number) =>
      this.known.has(keyOf(start, length)) || undefined;
    return foldKnown<boolean>(from, count, known, () => true) ?? false;
  }

  /**
   * The sum of one parameter's gradients over a node of the tree. Do not write to it: it may be one of the inputs.
   * @param from the node's first shard
   * @throws RangeError if gradients are missing or not dense
   */
  sum(name: string, from: number, count: number): Float32Array {
    const inputs = new Set<Float32Array>();
    const known = (start: number, length: number) => {
      const gradient = this.known.get(keyOf(start, length))?.get(name);
      if (!gradient) return undefined;
      if (gradient.form !== "dense") throw new RangeError("gradients of different forms");
      inputs.add(gradient.values);
      return gradient.values;
    };
    // The first addition of a subtree allocates an array; those above add to it in place.
    const sum = foldKnown(from, count, known, (left, right) => {
      const into = inputs.has(left) ? left.slice() : left;
      for (let index = 0; index < into.length; index++) into[index]! += right[index]!;
      return into;
    });
    if (!sum) throw new RangeError(`no complete sum of ${name}`);
    return sum;
  }
}

function keyOf(from: number, count: number): string {
  return `${from}+${count}`;
}
