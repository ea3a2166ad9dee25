// Computes all shards of a step in one process: their passes advance from barrier to barrier together.
import { mergeContributions } from "../statistics/barrier.js";
import type { Replica } from "./replica.js";
import { beginShard, endPass, type Shard } from "./shard-pass.js";
import type { ShardResult } from "./tensors.js";

/**
 * @param shards all shards of one step, in order
 * @returns their results, in the same order
 */
export function computeShardsTogether(replica: Replica, shards: readonly Shard[]): ShardResult[] {
  const passes = shards.map((shard) => beginShard(replica, shard));
  try {
    let states = passes.map((pass) => pass.next());
    for (const barrier of replica.layout.barriers) {
      const contributions = states.map(({ done, value }, index) => {
        if (done) throw new RangeError("a pass has returned before its last barrier");
        return { samples: shards[index]!.samples.count, values: value };
      });
      const merged = mergeContributions(barrier, contributions);
      states = passes.map((pass) => pass.next(merged));
    }
    return states.map(({ done, value }) => {
      if (done) return value;
      throw new RangeError("a pass has more barriers than the layout");
    });
  } finally {
    for (const pass of passes) endPass(pass);
  }
}
