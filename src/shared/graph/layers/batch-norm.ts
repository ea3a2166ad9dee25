// Batch normalisation over all axes but the last (Ioffe and Szegedy, 2015). In training each shard normalises with its own
// moments (ghost batch normalisation); frozen layers and inference take the population statistics. Pure.
import type { Value } from "../graph.js";
import {
  type ForwardPass,
  inputGradient,
  type LayerContext,
  leaveGradient,
  onlyInput,
  type SpecOf,
} from "./pass.js";

type BatchNormSpec = SpecOf<"batch-norm">;

export function forwardBatchNorm(spec: BatchNormSpec, context: LayerContext): ForwardPass {
  if (!context.layer.trainable) return forwardFrozen(spec, context);
  const { builder, layer, trace } = context;
  const x = onlyInput(context);
  const { scale, beta } = affineWeights(spec, context);
  const moments = builder.moments(x);
  trace.moments.set(layer.name, moments);
  return {
    y: builder.normalise(x, moments, scale, beta, spec.epsilon),
    backward: (dy, [isNeeded]) => {
      const { dx, dScale, dBeta } = builder.batchNormGradient(dy, x, moments, scale, spec.epsilon);
      if (spec.scale) leaveGradient(context, "scale", () => ({ dense: dScale }));
      if (spec.center) leaveGradient(context, "beta", () => ({ dense: dBeta }));
      return [isNeeded ? dx : undefined];
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

/** Scale 1 and beta 0 where the layer trains none. */
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
