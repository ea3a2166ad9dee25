// Description → network: checks each layer and infers shapes, parameters and statistics. A Network needs no further checks. Pure.
import { MAX_PARAMETER_VALUES } from "./limits.js";
import {
  type Layer,
  type Network,
  type ParameterSpec,
  sizeOf,
  type StatisticsSpec,
} from "./network.js";
import { parametersOf, statisticsOf } from "./parameters.js";
import { quote, refuseLayer } from "./problem.js";
import { parseNetworkSpec } from "./schema.js";
import { inferShape } from "./shapes.js";
import { INPUT_NAME, type LayerNode, type NetworkSpec } from "./spec.js";

/**
 * @param description checked here, so it may come from an untrusted source
 * @throws TandemError `network`, naming the invalid layer
 */
export function buildNetwork(description: NetworkSpec): Network {
  const spec = parseNetworkSpec(description);
  checkOrder(spec.layers);
  checkUse(spec.layers);
  checkSoftmax(spec.layers);

  const shapes = new Map<string, readonly number[]>([[INPUT_NAME, spec.inputShape]]);
  const layers: Layer[] = [];
  const parameters: ParameterSpec[] = [];
  const statistics: StatisticsSpec[] = [];
  let valueCount = 0;
  for (const node of spec.layers) {
    const inputShapes = node.inputs.map((name) => shapes.get(name)!);
    const shape = inferShape(node.name, node.layer, inputShapes);
    shapes.set(node.name, shape);
    layers.push({ ...node, inputShapes, shape });

    const added = parametersOf(node, inputShapes[0]!);
    parameters.push(...added);
    valueCount = added.reduce((sum, parameter) => sum + sizeOf(parameter.shape), valueCount);
    if (valueCount > MAX_PARAMETER_VALUES) {
      refuseLayer(
        node.name,
        `up to this layer the network has ${valueCount} parameters, and at most ${MAX_PARAMETER_VALUES} are allowed.`,
      );
    }
    const own = statisticsOf(node, inputShapes[0]!);
    if (own !== undefined) statistics.push(own);
  }
  return {
    spec,
    inputShape: spec.inputShape,
    outputShape: layers.at(-1)!.shape,
    layers,
    parameters,
    statistics,
  };
}

/** Names are unique, and each layer comes after its inputs. */
function checkOrder(nodes: readonly LayerNode[]): void {
  const all = new Set(nodes.map(({ name }) => name));
  const earlier = new Set([INPUT_NAME]);
  for (const { name, inputs } of nodes) {
    const missing = inputs.find((input) => !earlier.has(input));
    if (missing !== undefined) {
      refuseLayer(
        name,
        all.has(missing)
          ? `its input ${quote(missing)} does not come before it.`
          : `its input ${quote(missing)} is not a layer of the network.`,
      );
    }
    if (earlier.has(name)) refuseLayer(name, "another layer has the same name.");
    earlier.add(name);
  }
}

/** A layer that does not contribute to the output is probably a mistake, and would be computed for nothing. */
function checkUse(nodes: readonly LayerNode[]): void {
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const unused = nodes.slice(0, -1).find(({ name }) => !used.has(name));
  if (unused !== undefined) {
    refuseLayer(
      unused.name,
      "no other layer uses its result, and only the last layer is the network's output.",
    );
  }
}

/** The loss takes logits: a softmax before the end would need a backward pass of its own. */
function checkSoftmax(nodes: readonly LayerNode[]): void {
  const early = nodes.slice(0, -1).find(({ layer }) => layer.kind === "softmax");
  if (early !== undefined) {
    refuseLayer(early.name, "softmax is supported as the last layer only.");
  }
}
