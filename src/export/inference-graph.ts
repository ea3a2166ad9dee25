// An inference model as an op graph: weights and population statistics are constants, pixels are scaled in the graph, and the
// outputs have names. SavedModel and ONNX files are translated from it. Pure.
import { GraphBuilder } from "../shared/graph/builder.js";
import { forwardLayers } from "../shared/graph/forward.js";
import type { Graph, Value } from "../shared/graph/graph.js";
import { inferLayer, passThrough } from "../shared/graph/layers/index.js";
import { addProbabilities } from "../shared/graph/loss.js";
import { INPUT } from "../shared/network/keras/keras-names.js";
import { type InferenceModel, PIXEL_SCALE, weightOf } from "./inference-model.js";

/** Each output is [N,K]. */
export type OutputName = "probabilities" | "logits" | "predictions";

export interface InferenceGraph {
  graph: Graph;
  /** [N,…inputShape], float32 */
  inputs: Value;
  /** Probabilities and logits of a classifier, else the predictions. */
  outputs: readonly { name: OutputName; value: Value }[];
}

export function buildInferenceGraph(model: InferenceModel): InferenceGraph {
  const { network, loss } = model;
  const builder = new GraphBuilder();
  const inputs = builder.placeholder(INPUT, [-1, ...network.inputShape]);
  const scaled = model.takesPixels ? scalePixels(builder, inputs) : inputs;
  const variables = new Map(
    network.parameters.map(({ name, shape }) => [
      name,
      builder.constant(name, shape, weightOf(model, name)),
    ]),
  );
  const statistic = (name: string) => {
    const values = weightOf(model, name);
    return builder.constant(name.slice(name.lastIndexOf("/") + 1), [values.length], values);
  };
  const population = {
    ofLayer: (layer: string) => ({
      mean: statistic(`${layer}/pop_mean`),
      variance: statistic(`${layer}/pop_var`),
    }),
  };
  const trace = { gradients: new Map(), moments: new Map(), barriers: undefined };
  const options = { builder, network, variables, population, dropoutMasks: new Map(), trace };
  const skipped = model.endsWithOutput ? network.layers.at(-1) : undefined;
  const passes = forwardLayers(options, scaled, (context) => ({
    y: context.layer === skipped ? passThrough(context).y : inferLayer(context),
  }));
  const logits = passes.at(-1)?.pass.y ?? scaled;
  const probabilities = builder.within("outputs", () => addProbabilities(builder, logits, loss));
  return {
    graph: builder,
    inputs,
    outputs: probabilities
      ? [
          { name: "probabilities", value: probabilities },
          { name: "logits", value: logits },
        ]
      : [{ name: "predictions", value: logits }],
  };
}

function scalePixels(builder: GraphBuilder, pixels: Value): Value {
  return builder.within("preprocessing", () => {
    const scale = builder.constant("scale", [], Float32Array.of(PIXEL_SCALE));
    return builder.multiply(pixels, scale);
  });
}
