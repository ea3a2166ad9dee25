// Parts of `result`: the gradients of the last bucket, then mean and variance of each batch-norm layer that is trained. Pure.
import { trainedStatistics } from "../../network/network.js";
import type { Gradients, ShardResult } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import type { Moments } from "../../statistics/moments.js";
import { gradientParts, readGradients } from "./gradients.js";
import { PartReader } from "./part-reader.js";

export function shardResultParts(layout: RunLayout, result: ShardResult): ArrayBufferView[] {
  const moments = trainedStatistics(layout.network).flatMap(({ name }) => {
    const own = result.moments.get(name);
    if (!own) throw new RangeError(`no moments of ${name}`);
    return [own.mean, own.variance];
  });
  return [...gradientParts(layout.buckets.at(-1)!, result.gradients), ...moments];
}

/**
 * @param rows samples of the shard that was assigned
 * @param earlier the gradients of the buckets before
 * @throws FrameError where the parts cannot be this shard's result
 */
export function readShardResult(
  layout: RunLayout,
  rows: number,
  loss: number,
  earlier: Gradients,
  parts: readonly Uint8Array[],
): ShardResult {
  const reader = new PartReader(parts);
  const last = readGradients(reader, layout, layout.buckets.at(-1)!, [rows]);
  const moments = new Map<string, Moments>();
  for (const { name, channels, valuesPerSample } of trainedStatistics(layout.network)) {
    const mean = reader.floats(channels, `${name} mean`);
    const variance = reader.floats(channels, `${name} variance`);
    moments.set(name, { count: rows * valuesPerSample, mean, variance });
  }
  reader.end();
  return { loss, gradients: new Map([...earlier, ...last]), moments };
}
