// The parts of `update`: the summed gradients of all buckets, then the new population mean and variance of each trainable
// batch-norm layer. Pure.
import { trainedStatistics } from "../../network/network.js";
import type { Update } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import { type FactorsByShard, gradientParts, readGradients } from "./gradients.js";
import { PartReader } from "./part-reader.js";
import { readStatistics, statisticsParts } from "./statistics.js";

/** @param without shards whose factors the receiver has */
export function updateParts(
  layout: RunLayout,
  update: Update,
  without: readonly number[],
): ArrayBufferView[] {
  const population = statisticsParts(trainedStatistics(layout.network), update.population);
  return [...gradientParts(layout.buckets.flat(), update.gradients, without), ...population];
}

/**
 * @param known the factors that were omitted
 * @throws FrameError if the parts do not fit this run
 */
export function readUpdate(
  layout: RunLayout,
  known: FactorsByShard,
  parts: readonly Uint8Array[],
): Update {
  const reader = new PartReader(parts);
  const gradients = readGradients(reader, layout, layout.buckets.flat(), layout.shardSizes, known);
  const population = readStatistics(reader, trainedStatistics(layout.network));
  reader.end();
  return { gradients, population };
}
