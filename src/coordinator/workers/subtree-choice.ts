// Which tasks a relay is sent: complete subtrees of the fixed tree over the shards (statistics/tree.ts), as large ones as
// possible, since it sends one sum for each. Pure.

/** @typeParam T a task, of a shard or not */
export function chooseSubtrees<T extends { shard?: number }>(
  tasks: readonly T[],
  limit: number,
): T[] {
  const byShard = new Map(
    tasks.flatMap((task) => (task.shard === undefined ? [] : [[task.shard, task] as const])),
  );
  const chosen: T[] = [];
  const most = Math.min(limit, byShard.size);
  for (let size = largestPowerOfTwo(most); size >= 1 && byShard.size > 0;) {
    const block = size <= limit - chosen.length ? findBlock(byShard, size) : undefined;
    if (!block) {
      size /= 2;
      continue;
    }
    for (const task of block) byShard.delete(task.shard!);
    chosen.push(...block);
  }
  const others = tasks.filter(({ shard }) => shard === undefined);
  return [...chosen, ...others.slice(0, limit - chosen.length)];
}

/** The first complete subtree of so many shards that are all here. */
function findBlock<T>(byShard: ReadonlyMap<number, T>, size: number): T[] | undefined {
  for (const from of byShard.keys()) {
    if (from % size !== 0) continue;
    const block = Array.from({ length: size }, (_, index) => byShard.get(from + index));
    if (block.every((task) => task !== undefined)) return block;
  }
  return undefined;
}

function largestPowerOfTwo(most: number): number {
  let power = 1;
  while (2 * power <= most) power *= 2;
  return power;
}
