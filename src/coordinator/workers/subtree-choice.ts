// Chooses the tasks that a relay is sent: complete subtrees of the fixed tree over the shards (statistics/tree.ts), as large as
// possible, because the relay sends one sum per subtree. Pure.

/** @typeParam T a task, of a shard or not */
export function chooseSubtrees<T extends { shard?: number }>(
  tasks: readonly T[],
  limit: number,
): T[] {
  const byShard = new Map(
    tasks.flatMap((task) => (task.shard === undefined ? [] : [[task.shard, task] as const])),
  );
  const chosen: T[] = [];
  const maxSize = Math.min(limit, byShard.size);
  for (let size = largestPowerOfTwo(maxSize); size >= 1 && byShard.size > 0;) {
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

/** The first complete subtree of `size` shards. */
function findBlock<T>(byShard: ReadonlyMap<number, T>, size: number): T[] | undefined {
  for (const from of byShard.keys()) {
    if (from % size !== 0) continue;
    const block = Array.from({ length: size }, (_, index) => byShard.get(from + index));
    if (block.every((task) => task !== undefined)) return block;
  }
  return undefined;
}

function largestPowerOfTwo(limit: number): number {
  let power = 1;
  while (2 * power <= limit) power *= 2;
  return power;
}
