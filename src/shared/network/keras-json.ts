// A network file → the description of a network. The file is Keras's own JSON, so that users can describe networks with tools
// that they know. Anything that Tandem would compute differently from Keras is refused, naming the layer and the option. Pure.
import { buildNetwork } from "./build.js";
import { parseModel } from "./keras/json.js";
import { readLayer } from "./keras/layers.js";
import { type KerasModel, type PlacedLayer, readModel } from "./keras/model.js";
import { Options, readCommonOptions } from "./keras/options.js";
import { readRescaling } from "./keras/rescaling.js";
import { quote, refuseLayer } from "./problem.js";
import { parseInputShape, parseLayerNode } from "./schema.js";
import { inferShape } from "./shapes.js";
import { INPUT_NAME, type LayerNode, type NetworkSpec } from "./spec.js";

export interface KerasNetwork {
  network: NetworkSpec;
  /** A layer that divides the inputs by 255. It is dropped, because Tandem does that itself with bytes. */
  pixelLayer: string | undefined;
}

/**
 * Reads what Keras 2 and 3 (`model.to_json()`) and TensorFlow.js (`model.toJSON()`, `model.json`) write for Sequential and
 * Functional models.
 * @throws TandemError `network`, naming the layer and the option that are not supported
 */
export function readKerasJson(text: string): NetworkSpec {
  const { network, pixelLayer } = readKerasNetwork(text);
  if (pixelLayer === undefined) return network;
  return refuseLayer(
    pixelLayer,
    "it divides pixels by 255, which Tandem does itself if the data are bytes. Remove the layer.",
  );
}

/** As `readKerasJson`, for callers that check `pixelLayer` against the data. */
export function readKerasNetwork(text: string): KerasNetwork {
  const model = readModel(parseModel(text));
  const { layers, pixelLayer } = translateLayers(model);
  return { network: buildNetwork({ inputShape: model.inputShape, layers }).spec, pixelLayer };
}

/** The layer that computes a Keras layer's result: the last of its parts, or its input if it has none. */
interface Result {
  name: string;
  shape: readonly number[];
}

function translateLayers(model: KerasModel): {
  layers: LayerNode[];
  pixelLayer: string | undefined;
} {
  const inputShape = parseInputShape(model.inputShape);
  const results = new Map<string, Result>([
    [model.inputName, { name: INPUT_NAME, shape: inputShape }],
  ]);
  const nodes: LayerNode[] = [];
  const pixelLayer = findPixelLayer(model);
  for (const placed of model.layers) {
    const inputs = placed.inputs.map((input) => results.get(input)!);
    if (placed.className === RESCALING) {
      results.set(placed.name, inputs[0]!);
      continue;
    }
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
  return { layers: nodes, pixelLayer };
}

const RESCALING = "Rescaling";

/** @throws TandemError `network` for a Rescaling layer, unless it scales all of the network's input by 1/255 or does nothing */
function findPixelLayer({ layers, inputName }: KerasModel): string | undefined {
  const isFirst = ({ inputs }: PlacedLayer) => inputs.includes(inputName);
  const scaling = layers.filter((placed) => {
    if (placed.className !== RESCALING) return false;
    const options = openOptions(placed).options;
    return readRescaling(options, isFirst(placed)) === "pixels";
  });
  const [pixels] = scaling;
  const other = layers.find((placed) => isFirst(placed) && placed !== pixels);
  if (pixels && other) {
    refuseLayer(
      pixels.name,
      `it scales the input of some layers, but ${quote(other.name)} uses the input unscaled. Scale the data instead.`,
    );
  }
  return pixels?.name;
}

function readPlacedLayer(placed: PlacedLayer, input: readonly number[]) {
  const { options, trainable } = openOptions(placed);
  return { parts: readLayer(options, input), trainable };
}

function openOptions({ name, className, config }: PlacedLayer) {
  const options = new Options(name, className, config);
  return { options, trainable: readCommonOptions(options) };
}
