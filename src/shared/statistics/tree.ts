// The order in which the shards' contributions are combined: a fixed binary tree over the shard's index. The result does not
// depend on who combines what, so a relay can combine a complete subtree. Pure.

/**
 * Combines values in a binary tree. A node over n leaves has the largest power of two below n in its left subtree (as the
 * hash trees of RFC 6962, section 2.1), so that the subtrees over shards i·2ᵏ … (i + 1)·2ᵏ − 1 do not depend on n.
 * @param values at least one
 */
export function foldTree<T>(values: readonly T[], combine: (left: T, right: T) => T): T {
  const [first] = values;
  if (first === undefined) throw new RangeError("a tree without leaves");
  if (values.length === 1) return first;
  const split = largestPowerOfTwoBelow(values.length);
  return combine(foldTree(values.slice(0, split), combine), foldTree(values.slice(split), combine));
}

/**
 * As `foldTree`, over the leaves `from` … `from` + `count` − 1, given the values of some nodes.
 * @param from first leaf of a node of the tree
 * @param known the value of the node over these leaves; undefined if it is not known
 * @returns undefined if a leaf is in no known node
 */
export function foldKnown<T>(
  from: number,
  count: number,
  known: (from: number, count: number) => T | undefined,
  combine: (left: T, right: T) => T,
): T | undefined {
  const value = known(from, count);
  if (value !== undefined || count <= 1) return value;
  const split = largestPowerOfTwoBelow(count);
  const left = foldKnown(from, split, known, combine);
  const right = foldKnown(from + split, count - split, known, combine);
  return left === undefined || right === undefined ? undefined : combine(left, right);
}

/** True for the leaves i·2ᵏ … (i + 1)·2ᵏ − 1, which form a node in every tree that contains them. */
export function isCompleteSubtree(from: number, count: number): boolean {
  return (count & (count - 1)) === 0 && from % count === 0;
}

function largestPowerOfTwoBelow(count: number): number {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}
