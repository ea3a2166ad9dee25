// The arguments and the result of a layer's forward pass, for all kinds of layers. Pure.
import type { Layer, LayerSpec, ParameterRole } from "../../network/network.js";
import type { Barrier } from "../../statistics/barrier.js";
import type { GraphBuilder, MomentValues } from "../builder.js";
import type { Value } from "../graph.js";

/** A parameter's gradient; for a dense kernel also its two factors: inputsᵀ · outputs. */
export interface GradientValues {
  dense: Value;
  factors?: { inputs: Value; outputs: Value };
}

/** A barrier of synchronised batch normalisation (statistics/barrier.ts) as values of the graph, [channels] each. */
export interface BarrierValues {
  layer: string;
  direction: Barrier["direction"];
  /** What the shard contributes. */
  contribution: readonly [Value, Value];
  /** Fed: the merged contributions of all shards. */
  merged: readonly [Value, Value];
}

/** What layers record in training. The maps keep the order of insertion. */
export interface Trace {
  /** By parameter, in the order of the backward pass. */
  gradients: Map<string, GradientValues>;
  /** By batch-norm layer, in the order of the forward pass. */
  moments: Map<string, MomentValues>;
  /** In the order of a step; undefined if each shard normalises with its own moments. */
  barriers: BarrierValues[] | undefined;
}

export interface LayerContext {
  builder: GraphBuilder;
  layer: Layer;
  inputs: readonly Value[];
  /** One of the layer's parameters. */
  weight: (role: ParameterRole) => Value;
  /** The population statistics, which are fed. */
  population: () => MomentValues;
  /** [N,…shape], fed: 0 where a value is dropped, else 1/(1 − rate). */
  dropoutMask: () => Value;
  trace: Trace;
}

/** The description of a layer of one kind. */
export type SpecOf<Kind extends LayerSpec["kind"]> = Extract<LayerSpec, { kind: Kind }>;

export interface ForwardPass {
  y: Value;
  /** Adds the backward pass to the graph. */
  backward: Backward;
}

/**
 * Takes the gradient of the layer's output, returns those of its inputs, and records those of its parameters in the trace.
 * @param needed for each input, whether its gradient is needed
 * @returns one gradient per input; undefined if it is not needed
 */
export type Backward = (dy: Value, needed: readonly boolean[]) => (Value | undefined)[];

/** The input of a layer with a single input. */
export function onlyInput({ inputs, layer }: LayerContext): Value {
  const [x] = inputs;
  if (!x || inputs.length > 1) throw new RangeError(`${layer.name} has ${inputs.length} inputs`);
  return x;
}

/** The backward pass of a layer that has one input and no parameters. */
export function inputGradient(gradient: (dy: Value) => Value): Backward {
  return (dy, [isNeeded]) => [isNeeded ? gradient(dy) : undefined];
}

/** Records a parameter's gradient, unless the layer is frozen. */
export function recordGradient(
  { layer, trace }: LayerContext,
  role: ParameterRole,
  gradient: () => GradientValues,
): void {
  if (layer.trainable) trace.gradients.set(`${layer.name}/${role}`, gradient());
}

/** @param shape of one sample, with the same number of values */
export function asShape(builder: GraphBuilder, x: Value, shape: readonly number[]): Value {
  const isEqual = x.shape.slice(1).join() === shape.join();
  return isEqual ? x : builder.reshape(x, shape);
}
