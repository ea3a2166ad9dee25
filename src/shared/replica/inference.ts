// Inference on a replica, with its population statistics.
import type { Samples } from "../data/samples.js";
import type { Feed, TensorScope } from "../engine/engine.js";
import type { Value } from "../graph/graph.js";
import { feedInputs, feedTargets } from "./feeds.js";
import type { Replica } from "./replica.js";
import type { EvaluationResult } from "./tensors.js";

/** Predictions and losses of some samples. */
export function evaluateSamples(replica: Replica, samples: Samples): EvaluationResult {
  const { predictions, losses } = replica.graph.inference;
  return replica.session.scope((scope) => {
    const feeds: Feed[] = [
      ...inferenceFeeds(replica, samples, scope),
      [replica.graph.inference.targets, feedTargets(replica.layout, samples, scope)],
    ];
    const [predicted, lossValues] = infer(replica, feeds, [predictions, losses], scope);
    return {
      predictions: predictionsOf(replica, predicted!),
      lossSum: lossValues!.reduce((total, value) => total + value, 0),
    };
  });
}

/** The network's outputs [N,K]: probabilities where it classifies, else what it predicts. Targets are not looked at. */
export function predictSamples(replica: Replica, samples: Samples): Float32Array {
  const { probabilities, predictions } = replica.graph.inference;
  return replica.session.scope((scope) => {
    const feeds = inferenceFeeds(replica, samples, scope);
    return infer(replica, feeds, [probabilities ?? predictions], scope)[0]!;
  });
}

function inferenceFeeds(replica: Replica, samples: Samples, scope: TensorScope): Feed[] {
  const { inputs, statistics } = replica.graph.inference;
  return [
    [inputs, feedInputs(replica.layout, samples, scope)],
    ...[...statistics].map(([name, value]): Feed => {
      return [value, scope.tensor(value.shape, replica.population.tensor(name)!)];
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

/** Class numbers where the run's targets are classes, else the outputs as they are. */
function predictionsOf({ layout }: Replica, outputs: Float32Array): Int32Array | Float32Array {
  if (layout.config.data.target.kind === "values") return outputs;
  const size = layout.network.outputShape[0]!;
  // One logit: class 1 where it is above 0.
  if (size === 1) return Int32Array.from(outputs, (value) => (value > 0 ? 1 : 0));
  return indexOfRowMaxima(outputs, size);
}

/** The first of equal ones. */
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
