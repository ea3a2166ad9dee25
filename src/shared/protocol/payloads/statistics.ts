// Mean and variance of batch-norm layers as the parts of a message, two per layer. Pure.
import type { StatisticsSpec } from "../../network/network.js";
import type { PartReader } from "./part-reader.js";

/** @throws RangeError if a layer has none */
export function statisticsParts(
  layers: readonly StatisticsSpec[],
  values: ReadonlyMap<string, { mean: ArrayBufferView; variance: ArrayBufferView }>,
): ArrayBufferView[] {
  return layers.flatMap(({ name }) => {
    const own = values.get(name);
    if (!own) throw new RangeError(`no statistics of ${name}`);
    return [own.mean, own.variance];
  });
}

/** @throws FrameError if the next parts do not fit the layers */
export function readStatistics(
  reader: PartReader,
  layers: readonly StatisticsSpec[],
): Map<string, { mean: Float32Array; variance: Float32Array }> {
  return new Map(
    layers.map(({ name, channels }) => {
      const mean = reader.floats(channels, `${name} mean`);
      const variance = reader.floats(channels, `${name} variance`);
      return [name, { mean, variance }];
    }),
  );
}

/** Bytes of the parts. */
export function statisticsBytes(layers: readonly StatisticsSpec[]): number {
  return layers.reduce((bytes, { channels }) => bytes + 4 * 2 * channels, 0);
}
