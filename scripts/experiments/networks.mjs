// The networks that are compared: Tandem's presets with different initial weights, and with dropout where the original has it.
import { presetNetwork } from "../../dist/index.js";

/** @typedef {import("../../dist/index.js").NetworkSpec} NetworkSpec */

const INPUT_SHAPE = [28, 28, 1];
const CLASSES = 10;
/** Dropout rate of the convolutional networks before the last layer, as in TensorFlow's "Deep MNIST for Experts". */
const DROPOUT = { name: "fc1/dropout", after: "fc1/relu" };

/**
 * @param {import("../../dist/index.js").PresetName} preset
 * @param {number} deviation σ of the truncated normal distribution of initial kernels
 * @param {number} dropoutRate 0: no dropout
 * @returns {NetworkSpec}
 */
export function variantOf(preset, deviation, dropoutRate) {
  const spec = presetNetwork(preset, INPUT_SHAPE, CLASSES);
  const layers = spec.layers.map((node) => ({
    ...node,
    layer: withDeviation(node.layer, deviation),
  }));
  return dropoutRate === 0
    ? { ...spec, layers }
    : { ...spec, layers: withDropout(layers, dropoutRate) };
}

/** @param {NetworkSpec["layers"][number]["layer"]} layer @param {number} standardDeviation */
function withDeviation(layer, standardDeviation) {
  if (!("kernelInitializer" in layer)) return layer;
  /** @type {import("../../dist/index.js").Initializer} */
  const kernelInitializer = { kind: "truncated-normal", mean: 0, standardDeviation };
  return { ...layer, kernelInitializer };
}

/** @param {NetworkSpec["layers"]} layers @param {number} rate @returns {NetworkSpec["layers"]} */
function withDropout(layers, rate) {
  const { name, after } = DROPOUT;
  return layers.flatMap((node) => {
    const inputs = node.inputs.map((input) => (input === after ? name : input));
    if (node.name !== after) return [{ ...node, inputs }];
    return [node, { name, inputs: [after], trainable: true, layer: { kind: "dropout", rate } }];
  });
}
