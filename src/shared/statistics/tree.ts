// The order in which contributions of shards are combined: a fixed binary tree over the shard's index. Who combines what
// does not change the result, so a relay can combine a complete subtree on its way. Pure.

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

function largestPowerOfTwoBelow(count: number): number {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}
