// A network's forward pass with the population statistics. Pure.
import type { Network } from "../network/network.js";
import type { GraphBuilder, MomentValues } from "./builder.js";
import { forwardLayers } from "./forward.js";
import type { LossKind, Value } from "./graph.js";
import { inferLayer, passThrough } from "./layers/index.js";
import { onlyInput } from "./layers/pass.js";
import { addProbabilities, isLastLayerSkipped } from "./loss.js";
import { PopulationFeeds } from "./population-feeds.js";
import { addSamples } from "./training-graph.js";

export interface InferenceValues {
  /** Fed: [N,…inputShape]. */
  inputs: Value;
  /** Fed where losses are fetched, as in training. */
  targets: Value;
  /** Fed, by their names in a checkpoint: NAME/pop_mean and NAME/pop_var. */
  statistics: ReadonlyMap<string, Value>;
  /** By trainable batch-norm layer: the moments of its input, from which population statistics of a data set are computed. */
  moments: ReadonlyMap<string, MomentValues>;
  /** [N,K]: the input of the loss; logits for classes. */
  predictions: Value;
  /** [N,K]: softmax or sigmoid of the logits; undefined if the loss is not a classification loss. */
  probabilities: Value | undefined;
  /** [N] */
  losses: Value;
}

export function addInference(
  builder: GraphBuilder,
  network: Network,
  loss: LossKind,
  variables: ReadonlyMap<string, Value>,
): InferenceValues {
  const { inputs, targets } = addSamples(builder, network, loss);
  const population = new PopulationFeeds(builder, network.statistics);
  const trace = { gradients: new Map(), moments: new Map(), barriers: undefined };
  const options = { builder, network, variables, population, dropoutMasks: new Map(), trace };
  const skipped = isLastLayerSkipped(network, loss) ? network.layers.at(-1) : undefined;
  const moments = new Map<string, MomentValues>();
  const passes = forwardLayers(options, inputs, (context) => {
    const { layer } = context;
    if (layer.layer.kind === "batch-norm" && layer.trainable) {
      moments.set(layer.name, builder.moments(onlyInput(context)));
    }
    return { y: layer === skipped ? passThrough(context).y : inferLayer(context) };
  });
  const predictions = passes.at(-1)?.pass.y ?? inputs;
  return {
    inputs,
    targets,
    statistics: population.values,
    moments,
    predictions,
    probabilities: addProbabilities(builder, predictions, loss),
    losses: builder.loss(predictions, targets, loss).losses,
  };
}
