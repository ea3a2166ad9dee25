// A network's forward and backward pass over a shard. Pure.
import { findNeededGradients } from "../network/needed-gradients.js";
import type { Layer, Network } from "../network/network.js";
import type { BatchNormKind } from "../statistics/barrier.js";
import type { GraphBuilder, MomentValues } from "./builder.js";
import { forwardLayers } from "./forward.js";
import type { LossKind, Value } from "./graph.js";
import { targetTypeOf } from "./infer.js";
import {
  type BarrierValues,
  type ForwardPass,
  forwardLayer,
  type GradientValues,
  passThrough,
} from "./layers/index.js";
import type { Trace } from "./layers/index.js";
import { isLastLayerSkipped } from "./loss.js";
import { PopulationFeeds } from "./population-feeds.js";

export interface TrainingValues {
  /** Fed: [N,…inputShape]. */
  inputs: Value;
  /** Fed: int32 [N] for classes, float32 [N,K] for other losses. */
  targets: Value;
  /** Fed: [], 1/(size of the global batch). */
  lossScale: Value;
  /** Fed: [N,…shape] by dropout layer. */
  dropoutMasks: ReadonlyMap<string, Value>;
  /** Fed: NAME/pop_mean and NAME/pop_var of frozen batch-norm layers. */
  statistics: ReadonlyMap<string, Value>;
  /** [N], not scaled. */
  losses: Value;
  /** Of the shard, by trainable batch-norm layer. */
  moments: ReadonlyMap<string, MomentValues>;
  /** Of lossScale · Σ losses, by trainable parameter, in the order of the backward pass. */
  gradients: ReadonlyMap<string, GradientValues>;
  /** In the order of a step (statistics/barrier.ts); none if each shard normalises with its own moments. */
  barriers: readonly BarrierValues[];
}

interface LayerPass {
  layer: Layer;
  pass: ForwardPass;
}

export function addTraining(
  builder: GraphBuilder,
  network: Network,
  loss: LossKind,
  variables: ReadonlyMap<string, Value>,
  batchNorm: BatchNormKind,
): TrainingValues {
  const { inputs, targets } = addSamples(builder, network, loss);
  const population = new PopulationFeeds(builder, network.statistics);
  const dropoutMasks = new Map<string, Value>();
  const barriers: BarrierValues[] = [];
  const trace: Trace = {
    gradients: new Map(),
    moments: new Map(),
    barriers: batchNorm === "sync" ? barriers : undefined,
  };
  const options = { builder, network, variables, population, dropoutMasks, trace };
  const skipped = isLastLayerSkipped(network, loss) ? network.layers.at(-1) : undefined;
  const passes = forwardLayers(options, inputs, (context) =>
    context.layer === skipped ? passThrough(context) : forwardLayer(context),
  );
  const predictions = passes.at(-1)?.pass.y ?? inputs;
  const { lossScale, losses, gradient } = builder.within("loss", () => {
    const scale = builder.placeholder("scale", []);
    const values = builder.loss(predictions, targets, loss);
    return {
      lossScale: scale,
      losses: values.losses,
      gradient: builder.multiply(values.gradient, scale),
    };
  });
  builder.within("gradients", () => {
    addBackward(builder, network, passes, gradient);
  });
  const { moments, gradients } = trace;
  const statistics = population.values;
  return {
    ...{ inputs, targets, lossScale, dropoutMasks, statistics },
    ...{ losses, moments, gradients, barriers },
  };
}

/** Placeholders of samples, for training and for inference. */
export function addSamples(
  builder: GraphBuilder,
  network: Network,
  loss: LossKind,
): { inputs: Value; targets: Value } {
  const type = targetTypeOf(loss);
  const shape = type === "int32" ? [-1] : [-1, ...network.outputShape];
  return {
    inputs: builder.placeholder("inputs", [-1, ...network.inputShape]),
    targets: builder.placeholder("targets", shape, type),
  };
}

/** From the last layer to the first. If several layers use a value, its gradients are added in the order of this pass. */
function addBackward(
  builder: GraphBuilder,
  network: Network,
  passes: readonly LayerPass[],
  gradient: Value,
): void {
  const needed = findNeededGradients(network);
  const gradients = new Map<string, Value>();
  const last = passes.at(-1);
  if (last) gradients.set(last.layer.name, gradient);
  for (const { layer, pass } of passes.toReversed()) {
    const dy = gradients.get(layer.name);
    if (!dy || !needed.has(layer.name)) continue;
    builder.within(layer.name, () => {
      const isNeeded = layer.inputs.map((name) => needed.has(name));
      const inputGradients = pass.backward(dy, isNeeded);
      layer.inputs.forEach((name, index) => {
        const next = inputGradients[index];
        if (!next) return;
        const sum = gradients.get(name);
        gradients.set(name, sum ? builder.addTensors(sum, next) : next);
      });
    });
  }
}
