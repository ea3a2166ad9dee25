// The dense gradients of one bucket, as they come: of single shards, and already added up over complete subtrees of the fixed
// tree (statistics/tree.ts). Every sum is that of the tree's own additions, so which of them are at hand changes no bit of what
// is made of them. Pure.
import { foldKnown } from "../statistics/tree.js";
import type { Gradients } from "./tensors.js";

/** Dense gradients, added up over the shards `from` … `from` + `count` − 1. */
export interface SubtreeSum {
  from: number;
  count: number;
  gradients: Gradients;
}

export class GradientTree {
  /** By place. */
  private readonly known = new Map<string, Gradients>();

  /** @param shards the gradients of each, in their order */
  static of(shards: readonly Gradients[]): GradientTree {
    const tree = new GradientTree();
    shards.forEach((gradients, shard) => tree.add({ from: shard, count: 1, gradients }));
    return tree;
  }

  /** The first at a place counts: a second one is the same. A single shard is a sum of one. */
  add({ from, count, gradients }: SubtreeSum): void {
    const place = placeOf(from, count);
    if (!this.known.has(place)) this.known.set(place, gradients);
  }

  /** Whether the sum over these shards can be formed. @param from where a node of the tree begins */
  isComplete(from: number, count: number): boolean {
    const known = (start: number, length: number) =>
      this.known.has(placeOf(start, length)) || undefined;
    return foldKnown<boolean>(from, count, known, () => true) ?? false;
  }

  /**
   * The sum of one parameter's gradients over these shards, not to be written to: it may be what was added.
   * @param from where a node of the tree begins
   * @throws RangeError where some are not here, or not dense
   */
  sum(name: string, from: number, count: number): Float32Array {
    const inputs = new Set<Float32Array>();
    const known = (start: number, length: number) => {
      const gradient = this.known.get(placeOf(start, length))?.get(name);
      if (!gradient) return undefined;
      if (gradient.form !== "dense") throw new RangeError("gradients of different forms");
      inputs.add(gradient.values);
      return gradient.values;
    };
    // The first addition of a subtree makes a new array, and those above it add to that.
    const sum = foldKnown(from, count, known, (left, right) => {
      const into = inputs.has(left) ? left.slice() : left;
      for (let index = 0; index < into.length; index++) into[index]! += right[index]!;
      return into;
    });
    if (!sum) throw new RangeError(`a result without ${name}`);
    return sum;
  }
}

function placeOf(from: number, count: number): string {
  return `${from}+${count}`;
}
