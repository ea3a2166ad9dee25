// Inference on a replica, with its own population statistics or with given ones.
import type { Samples } from "../data/samples.js";
import type { Feed, TensorScope } from "../engine/engine.js";
import type { Value } from "../graph/graph.js";
import type { StatisticsSpec } from "../network/network.js";
import { feedInputs, feedTargets } from "./feeds.js";
import type { Replica } from "./replica.js";
import type { Moments, PopulationStatistics } from "../statistics/moments.js";
import { statisticNames } from "./state-layout.js";
import type { EvaluationResult } from "./tensors.js";

/** By layer. */
export type StatisticsByLayer = ReadonlyMap<string, PopulationStatistics>;

/**
 * Predictions and losses of some samples.
 * @param known statistics to use in place of the replica's own
 */
export function evaluateSamples(
  replica: Replica,
  samples: Samples,
  known?: StatisticsByLayer,
): EvaluationResult {
  const { predictions, losses } = replica.graph.inference;
  return replica.session.scope((scope) => {
    const feeds: Feed[] = [
      ...inferenceFeeds(replica, samples, scope, known),
      [replica.graph.inference.targets, feedTargets(replica.layout, samples, scope)],
    ];
    const [predicted, lossValues] = infer(replica, feeds, [predictions, losses], scope);
    return {
      predictions: predictionsOf(replica, predicted!),
      lossSum: lossValues!.reduce((total, value) => total + value, 0),
    };
  });
}

/**
 * Moments of the inputs of some trainable batch-norm layers, over some samples. Targets are ignored.
 * @param known statistics of earlier layers, to use in place of the replica's own
 * @returns by layer
 */
export function measureMoments(
  replica: Replica,
  samples: Samples,
  layers: readonly StatisticsSpec[],
  known: StatisticsByLayer,
): Map<string, Moments> {
  const { moments } = replica.graph.inference;
  return replica.session.scope((scope) => {
    const feeds = inferenceFeeds(replica, samples, scope, known);
    const values = layers.map(({ name }) => moments.get(name)!);
    const fetches = values.flatMap(({ mean, variance }) => [mean, variance]);
    const found = infer(replica, feeds, fetches, scope);
    return new Map(
      layers.map(({ name, valuesPerSample }, index) => {
        const [mean, variance] = [found[2 * index]!, found[2 * index + 1]!];
        return [name, { count: samples.count * valuesPerSample, mean, variance }];
      }),
    );
  });
}

/** The network's outputs [N,K]: probabilities of classes, or predicted values. Targets are ignored. */
export function predictSamples(replica: Replica, samples: Samples): Float32Array {
  const { probabilities, predictions } = replica.graph.inference;
  return replica.session.scope((scope) => {
    const feeds = inferenceFeeds(replica, samples, scope);
    return infer(replica, feeds, [probabilities ?? predictions], scope)[0]!;
  });
}

function inferenceFeeds(
  replica: Replica,
  samples: Samples,
  scope: TensorScope,
  known: StatisticsByLayer = new Map(),
): Feed[] {
  const { inputs, statistics } = replica.graph.inference;
  const others = new Map(
    [...known].flatMap(([layer, { mean, variance }]) => {
      const names = statisticNames(layer);
      return [[names.mean, mean] as const, [names.variance, variance] as const];
    }),
  );
  return [
    [inputs, feedInputs(replica.layout, samples, scope)],
    ...[...statistics].map(([name, value]): Feed => {
      const values = others.get(name) ?? replica.population.tensor(name)!;
      return [value, scope.tensor(value.shape, values)];
    }),
  ];
}

function infer(
  replica: Replica,
  feeds: readonly Feed[],
  fetches: readonly Value[],
  scope: TensorScope,
): Float32Array[] {
  const tensors = scope.run([...replica.weightFeeds(), ...feeds], fetches);
  return tensors.map((tensor) => scope.floats(tensor));
}

/** Class numbers if the run's targets are classes, else the outputs themselves. */
function predictionsOf({ layout }: Replica, outputs: Float32Array): Int32Array | Float32Array {
  if (layout.config.data.target.kind === "values") return outputs;
  const size = layout.network.outputShape[0]!;
  // One logit: class 1 if it is above 0.
  if (size === 1) return Int32Array.from(outputs, (value) => (value > 0 ? 1 : 0));
  return indexOfRowMaxima(outputs, size);
}

/** The first one, if several are equal. */
function indexOfRowMaxima(values: Float32Array, columns: number): Int32Array {
  const maxima = new Int32Array(values.length / columns);
  for (let row = 0; row < maxima.length; row++) {
    let best = 0;
    for (let column = 1; column < columns; column++) {
      if (values[row * columns + column]! > values[row * columns + best]!) best = column;
    }
    maxima[row] = best;
  }
  return maxima;
}
