// A step's batch moments and population statistics as a page update, bounded in size for networks of any width and depth.
import type { RunEvent } from "../../../shared/run-event.js";
import {
  mergeMoments,
  type Moments,
  type PopulationStatistics,
} from "../../../shared/statistics/moments.js";
import { packFloats, sampleEvenly } from "./packed.js";
import type { LayerStatistics, PackedMoments } from "./page-update.js";

/** More shards could not be distinguished in the drawing. */
const MAX_SHARDS = 16;
/** Means of all layers and shards together: about 400 kB of JSON. Fewer shards are shown if there are more. */
const MAX_MEANS = 32_768;
/** Of all layers together. If there are more, only some layers are shown. */
const MAX_CHANNELS = 16_384;

export function layerStatistics({
  shards,
  population,
}: RunEvent & { event: "moments" }): LayerStatistics[] {
  const layers = chooseLayers([...population]);
  const channels = countChannels(layers);
  const maxShards = Math.min(MAX_SHARDS, Math.max(1, Math.floor(MAX_MEANS / channels)));
  return layers.map(([name, statistics]) => {
    const parts = shards.flatMap((moments) => moments.get(name) ?? []);
    return {
      name,
      shards: sampleEvenly(parts, maxShards).map(pack),
      merged: pack(mergeMoments(parts)),
      population: pack(statistics),
    };
  });
}

type Layer = readonly [name: string, statistics: PopulationStatistics];

function chooseLayers(layers: readonly Layer[]): readonly Layer[] {
  const channels = countChannels(layers);
  if (channels <= MAX_CHANNELS) return layers;
  return sampleEvenly(layers, Math.max(1, Math.floor((layers.length * MAX_CHANNELS) / channels)));
}

function countChannels(layers: readonly Layer[]): number {
  return layers.reduce((total, [, { mean }]) => total + mean.length, 0);
}

function pack({ mean, variance }: Moments | PopulationStatistics): PackedMoments {
  return { mean: packFloats(mean), variance: packFloats(variance) };
}
