// Parts of `result`: the gradients of the last bucket, then mean and variance of each batch-norm layer that is trained. Pure.
import { trainedStatistics } from "../../network/network.js";
import type { Gradients, ShardResult } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import type { Moments } from "../../statistics/moments.js";
import { gradientParts, readGradients } from "./gradients.js";
import { PartReader } from "./part-reader.js";
import { readStatistics, statisticsParts } from "./statistics.js";

export function shardResultParts(layout: RunLayout, result: ShardResult): ArrayBufferView[] {
  const moments = statisticsParts(trainedStatistics(layout.network), result.moments);
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
  const layers = trainedStatistics(layout.network);
  const found = readStatistics(reader, layers);
  reader.end();
  const moments = new Map<string, Moments>(
    layers.map(({ name, valuesPerSample }) => {
      return [name, { count: rows * valuesPerSample, ...found.get(name)! }];
    }),
  );
  return { loss, gradients: new Map([...earlier, ...last]), moments };
}
