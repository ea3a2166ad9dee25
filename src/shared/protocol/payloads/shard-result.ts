// The parts of `result`: the gradients of the last bucket (only the factored ones, if a relay summed the others), then mean and
// variance of each trainable batch-norm layer. Pure.
import { type ParameterSpec, trainedStatistics } from "../../network/network.js";
import type { Gradients, ShardResult } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import type { Moments } from "../../statistics/moments.js";
import { factoredParameters } from "./factors.js";
import { bucketParameters, gradientParts, readGradients } from "./gradients.js";
import { PartReader } from "./part-reader.js";
import { readStatistics, statisticsParts } from "./statistics.js";

/** @param isSummed without the dense gradients */
export function shardResultParts(
  layout: RunLayout,
  result: ShardResult,
  isSummed = false,
): ArrayBufferView[] {
  const moments = statisticsParts(trainedStatistics(layout.network), result.moments);
  return [...gradientParts(lastParameters(layout, isSummed), result.gradients), ...moments];
}

/**
 * @param rows samples of the shard that was assigned
 * @param earlier the gradients of the earlier buckets
 * @param isSummed the dense gradients are not among the parts
 * @throws FrameError if the parts do not fit this shard
 */
export function readShardResult(
  layout: RunLayout,
  rows: number,
  loss: number,
  earlier: Gradients,
  parts: readonly Uint8Array[],
  isSummed = false,
): ShardResult {
  const reader = new PartReader(parts);
  const last = readGradients(reader, layout, lastParameters(layout, isSummed), [rows]);
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

function lastParameters(layout: RunLayout, isSummed: boolean): readonly ParameterSpec[] {
  const last = layout.buckets.length - 1;
  return isSummed ? factoredParameters(layout, last) : bucketParameters(layout, last);
}
