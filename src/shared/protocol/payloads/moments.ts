// The parts of `moments`, which are samples and the statistics known so far, and of `measured`, which are the moments of the
// inputs of a pass's layers. Pure.
import { sampleShapeOf } from "../../config.js";
import type { Samples } from "../../data/samples.js";
import { type StatisticsSpec, trainedStatistics } from "../../network/network.js";
import { isAllFinite } from "../../replica/finite.js";
import type { RunLayout } from "../../run-layout.js";
import type { Moments, PopulationStatistics } from "../../statistics/moments.js";
import { FrameError } from "../frame.js";
import { PartReader } from "./part-reader.js";
import { readSamples, sampleParts } from "./samples.js";
import { readStatistics, statisticsParts } from "./statistics.js";

type StatisticsByLayer = ReadonlyMap<string, PopulationStatistics>;

/** How many parts `sampleParts` has. */
const SAMPLE_PARTS = 2;

/** @throws FrameError if the network has no such pass */
export function layersOfPass(
  { populationPasses }: Pick<RunLayout, "populationPasses">,
  pass: number,
): readonly StatisticsSpec[] {
  const layers = populationPasses[pass];
  if (!layers) throw new FrameError(`no pass ${pass}, the run has ${populationPasses.length}`);
  return layers;
}

/** The parts of `moments`. @param known statistics of the layers of all earlier passes */
export function momentsTaskParts(
  { populationPasses }: RunLayout,
  { pass, samples, known }: { pass: number; samples: Samples; known: StatisticsByLayer },
): ArrayBufferView[] {
  const before = populationPasses.slice(0, pass).flat();
  return [...sampleParts(samples), ...statisticsParts(before, known)];
}

/** @throws FrameError if the parts cannot be those of the task */
export function readMomentsTask(
  layout: RunLayout,
  { pass, count }: { pass: number; count: number },
  parts: readonly Uint8Array[],
): { samples: Samples; known: StatisticsByLayer } {
  layersOfPass(layout, pass);
  return readWithStatistics(layout, count, layout.populationPasses.slice(0, pass).flat(), parts);
}

/** The parts of an `evaluate` with the statistics of all trainable layers. */
export function evaluationTaskParts(
  { network }: RunLayout,
  samples: Samples,
  known: StatisticsByLayer,
): ArrayBufferView[] {
  return [...sampleParts(samples), ...statisticsParts(trainedStatistics(network), known)];
}

/** @throws FrameError if the parts cannot be those of the task */
export function readEvaluationTask(
  layout: RunLayout,
  count: number,
  parts: readonly Uint8Array[],
): { samples: Samples; known: StatisticsByLayer } {
  return readWithStatistics(layout, count, trainedStatistics(layout.network), parts);
}

/** The parts of `measured`. */
export function momentsParts(
  layout: RunLayout,
  pass: number,
  moments: ReadonlyMap<string, Moments>,
): ArrayBufferView[] {
  return statisticsParts(layersOfPass(layout, pass), moments);
}

/**
 * @param count samples of the task
 * @throws FrameError if the parts do not fit the layers of the pass
 */
export function readMoments(
  layout: RunLayout,
  pass: number,
  count: number,
  parts: readonly Uint8Array[],
): Map<string, Moments> {
  const layers = layersOfPass(layout, pass);
  const reader = new PartReader(parts);
  const found = readStatistics(reader, layers);
  reader.end();
  return new Map(
    layers.map(({ name, valuesPerSample }) => {
      return [name, { count: count * valuesPerSample, ...found.get(name)! }];
    }),
  );
}

function readWithStatistics(
  { config }: RunLayout,
  count: number,
  layers: readonly StatisticsSpec[],
  parts: readonly Uint8Array[],
): { samples: Samples; known: StatisticsByLayer } {
  const samples = readSamples(sampleShapeOf(config), count, parts.slice(0, SAMPLE_PARTS));
  const reader = new PartReader(parts.slice(SAMPLE_PARTS));
  const known = readStatistics(reader, layers);
  reader.end();
  for (const [name, { mean, variance }] of known) {
    if (!isAllFinite(mean) || !isAllFinite(variance)) {
      throw new FrameError(`${name}: a statistic is not finite`);
    }
    if (variance.some((value) => value < 0)) throw new FrameError(`${name}: negative variance`);
  }
  return { samples, known };
}
