// Batch normalisation over all axes but the last (Ioffe and Szegedy, 2015). In training each shard normalises with its own
// moments (ghost), or with those of the global batch (synchronised); frozen layers and inference use the population
// statistics. Pure.
import type { MomentValues } from "../builder.js";
import type { Value } from "../graph.js";
import {
  type BarrierValues,
  type ForwardPass,
  inputGradient,
  type LayerContext,
  recordGradient,
  onlyInput,
  type SpecOf,
} from "./pass.js";

type BatchNormSpec = SpecOf<"batch-norm">;

export function forwardBatchNorm(spec: BatchNormSpec, context: LayerContext): ForwardPass {
  if (!context.layer.trainable) return forwardFrozen(spec, context);
  const { builder, layer, trace } = context;
  const moments = builder.moments(onlyInput(context));
  trace.moments.set(layer.name, moments);
  return trace.barriers
    ? forwardSynchronised(spec, context, moments, trace.barriers)
    : forwardGhost(spec, context, moments);
}

/** With the shard's own moments, through which the backward pass differentiates. */
function forwardGhost(
  spec: BatchNormSpec,
  context: LayerContext,
  moments: MomentValues,
): ForwardPass {
  const { builder } = context;
  const x = onlyInput(context);
  const { scale, beta } = affineWeights(spec, context);
  return {
    y: builder.normalise(x, moments, scale, beta, spec.epsilon),
    backward: (dy, [isNeeded]) => {
      const { dx, dScale, dBeta } = builder.batchNormGradient(dy, x, moments, scale, spec.epsilon);
      if (spec.scale) recordGradient(context, "scale", () => ({ dense: dScale }));
      if (spec.center) recordGradient(context, "beta", () => ({ dense: dBeta }));
      return [isNeeded ? dx : undefined];
    },
  };
}

/**
 * With the moments of the global batch. They depend on the values of all shards, so dX contains the means of dY and dY·x̂ over
 * all of them. The gradients of scale and beta are sums over the shard's own values, like all gradients.
 */
function forwardSynchronised(
  spec: BatchNormSpec,
  context: LayerContext,
  own: MomentValues,
  barriers: BarrierValues[],
): ForwardPass {
  const { builder, layer } = context;
  const { epsilon } = spec;
  const x = onlyInput(context);
  const { scale, beta } = affineWeights(spec, context);
  const addBarrier = (
    direction: BarrierValues["direction"],
    contribution: readonly [Value, Value],
    names: readonly [string, string],
  ) => {
    const addVector = (name: string) => builder.placeholder(name, [layer.shape.at(-1)!]);
    const merged = [addVector(names[0]), addVector(names[1])] as const;
    barriers.push({ layer: layer.name, direction, contribution, merged });
    return merged;
  };
  const [mean, variance] = addBarrier(
    "forward",
    [own.mean, own.variance],
    ["batch_mean", "batch_variance"],
  );
  const moments = { mean, variance };
  return {
    y: builder.normalise(x, moments, scale, beta, epsilon),
    backward: (dy, [isNeeded]) => {
      const { sumDy, sumDyNormalised } = builder.batchNormSums(dy, x, moments, epsilon);
      if (spec.scale) recordGradient(context, "scale", () => ({ dense: sumDyNormalised }));
      if (spec.center) recordGradient(context, "beta", () => ({ dense: sumDy }));
      if (!isNeeded) return [undefined];
      const [meanDy, meanDyNormalised] = addBarrier(
        "backward",
        [sumDy, sumDyNormalised],
        ["mean_dy", "mean_dy_normalised"],
      );
      const means = { meanDy, meanDyNormalised };
      return [builder.batchNormInputGradient(dy, x, moments, scale, means, epsilon)];
    },
  };
}

export function inferBatchNorm(spec: BatchNormSpec, context: LayerContext): Value {
  const { scale, beta } = affineWeights(spec, context);
  const population = context.population();
  return context.builder.normalise(onlyInput(context), population, scale, beta, spec.epsilon);
}

/** An affine function of x: dX = dY · scale/√(variance + ε), which is dY normalised with mean 0 and beta 0. */
function forwardFrozen(spec: BatchNormSpec, context: LayerContext): ForwardPass {
  const { builder } = context;
  const { scale, beta } = affineWeights(spec, context);
  const population = context.population();
  return {
    y: builder.normalise(onlyInput(context), population, scale, beta, spec.epsilon),
    backward: inputGradient((dy) => {
      const zeros = constantVector("zeros", 0, context);
      const { variance } = population;
      return builder.normalise(dy, { mean: zeros, variance }, scale, zeros, spec.epsilon);
    }),
  };
}

/** A layer without scale or beta has the constants 1 and 0. */
function affineWeights(spec: BatchNormSpec, context: LayerContext): { scale: Value; beta: Value } {
  return {
    scale: spec.scale ? context.weight("scale") : constantVector("scale", 1, context),
    beta: spec.center ? context.weight("beta") : constantVector("beta", 0, context),
  };
}

function constantVector(name: string, value: number, { builder, layer }: LayerContext): Value {
  const channels = layer.shape.at(-1)!;
  return builder.constant(name, [channels], new Float32Array(channels).fill(value));
}
