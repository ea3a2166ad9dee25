// The forward pass through all layers of a network: each layer's inputs are the outputs of the layers that it names. Pure.
import type { Layer, Network } from "../network/network.js";
import { INPUT_NAME } from "../network/spec.js";
import type { GraphBuilder } from "./builder.js";
import type { Value } from "./graph.js";
import type { LayerContext, Trace } from "./layers/index.js";
import type { PopulationFeeds } from "./population-feeds.js";

export interface ForwardOptions {
  builder: GraphBuilder;
  network: Network;
  /** By name. */
  variables: ReadonlyMap<string, Value>;
  population: Pick<PopulationFeeds, "ofLayer">;
  /** Placeholders by dropout layer; filled in here. */
  dropoutMasks: Map<string, Value>;
  trace: Trace;
}

/**
 * @param addLayer adds one layer; called in the order of the layers
 * @returns each layer with what `addLayer` returned
 */
export function forwardLayers<Pass extends { y: Value }>(
  options: ForwardOptions,
  inputs: Value,
  addLayer: (context: LayerContext) => Pass,
): { layer: Layer; pass: Pass }[] {
  const outputs = new Map([[INPUT_NAME, inputs]]);
  return options.network.layers.map((layer) => {
    const context = contextOf(layer, outputs, options);
    const pass = options.builder.within(layer.name, () => addLayer(context));
    outputs.set(layer.name, pass.y);
    return { layer, pass };
  });
}

function contextOf(
  layer: Layer,
  outputs: ReadonlyMap<string, Value>,
  { builder, variables, population, dropoutMasks, trace }: ForwardOptions,
): LayerContext {
  return {
    builder,
    layer,
    inputs: layer.inputs.map((name) => find(outputs, name)),
    weight: (role) => find(variables, `${layer.name}/${role}`),
    population: () => population.ofLayer(layer.name),
    dropoutMask: () => {
      const mask = builder.placeholder("mask", [-1, ...layer.shape]);
      dropoutMasks.set(layer.name, mask);
      return mask;
    },
    trace,
  };
}

function find(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (!value) throw new RangeError(`no value for ${name}`);
  return value;
}
