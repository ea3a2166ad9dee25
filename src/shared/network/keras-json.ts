// A network file → the description of a network. The file is Keras's own JSON, so users describe networks with tools that
// they know. What Tandem would not compute as Keras does is refused by layer and option. Pure.
import { buildNetwork } from "./build.js";
import { parseModel } from "./keras/json.js";
import { readLayer } from "./keras/layers.js";
import { type KerasModel, type PlacedLayer, readModel } from "./keras/model.js";
import { Options, readCommonOptions } from "./keras/options.js";
import { refuseLayer } from "./problem.js";
import { parseInputShape, parseLayerNode } from "./schema.js";
import { inferShape } from "./shapes.js";
import { INPUT_NAME, type LayerNode, type NetworkSpec } from "./spec.js";

/**
 * Reads what Keras 2 and 3 (`model.to_json()`) and TensorFlow.js (`model.toJSON()`, `model.json`) write for Sequential and
 * Functional models.
 * @throws TandemError `network`, naming the layer and the option that are not supported
 */
export function readKerasJson(text: string): NetworkSpec {
  const model = readModel(parseModel(text));
  const layers = translateLayers(model);
  return buildNetwork({ inputShape: model.inputShape, layers }).spec;
}

/** What stands for a Keras layer's result: the last of its parts, or its input where it has none. */
interface Result {
  name: string;
  shape: readonly number[];
}

function translateLayers(model: KerasModel): LayerNode[] {
  const inputShape = parseInputShape(model.inputShape);
  const results = new Map<string, Result>([
    [model.inputName, { name: INPUT_NAME, shape: inputShape }],
  ]);
  const nodes: LayerNode[] = [];
  for (const placed of model.layers) {
    const inputs = placed.inputs.map((input) => results.get(input)!);
    const { parts, trainable } = readPlacedLayer(placed, inputs[0]!.shape);
    let sources = inputs;
    for (const { suffix, layer } of parts) {
      const node = parseLayerNode({
        name: `${placed.name}${suffix}`,
        inputs: sources.map(({ name }) => name),
        trainable: trainable && model.trainable,
        layer,
      });
      const shape = inferShape(
        node.name,
        node.layer,
        sources.map((source) => source.shape),
      );
      nodes.push(node);
      sources = [{ name: node.name, shape }];
    }
    results.set(placed.name, sources[0]!);
  }
  const output = results.get(model.outputName);
  if (output === undefined || output.name !== nodes.at(-1)?.name) {
    refuseLayer(model.outputName, "it is the model's output, and other layers come after it.");
  }
  return nodes;
}

function readPlacedLayer({ name, className, config }: PlacedLayer, input: readonly number[]) {
  const options = new Options(name, className, config);
  const trainable = readCommonOptions(options);
  return { parts: readLayer(options, input), trainable };
}
