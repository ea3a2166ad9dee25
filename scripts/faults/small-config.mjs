// The smallest configurations whose messages take every form: dense and factored gradients, three buckets of which one has no
// factors, frozen layers, classes and values as targets, barriers. Plain data, for the fuzzer and the tests of the payloads.

/** @typedef {import("../../dist/shared/config.js").RunConfig} RunConfig */
/** @typedef {RunConfig["network"]["layers"][number]["layer"]} LayerSpec */

const kernelInitializer = /** @type {const} */ ({
  kind: "truncated-normal",
  mean: 0,
  standardDeviation: 0.1,
});
const biasInitializer = /** @type {const} */ ({ kind: "constant", value: 0.1 });

/** @param {number} units @param {boolean} useBias @returns {LayerSpec} */
const dense = (units, useBias) => {
  return { kind: "dense", units, useBias, kernelInitializer, biasInitializer };
};
/** @type {LayerSpec} */
const batchNorm = {
  kind: "batch-norm",
  epsilon: 1e-5,
  momentum: 0.9,
  scale: true,
  center: true,
  scaleInitializer: { kind: "constant", value: 1 },
  betaInitializer: { kind: "constant", value: 0 },
};
/** @type {LayerSpec} */
const convolution = {
  kind: "conv2d",
  filters: 2,
  kernelSize: [2, 2],
  strides: [1, 1],
  padding: "same",
  useBias: false,
  kernelInitializer,
  biasInitializer,
};
/** @type {LayerSpec} */
const relu = { kind: "activation", activation: "relu", alpha: 0 };

const FROZEN = ["frozen", "frozen/bn"];

/** @param {number} outputs @returns {RunConfig["network"]} */
function smallNetwork(outputs) {
  const layers = /** @type {[string, LayerSpec][]} */ ([
    ["conv", convolution],
    ["conv/bn", batchNorm],
    ["conv/relu", relu],
    ["flatten", { kind: "flatten" }],
    ["frozen", dense(6, true)],
    ["frozen/bn", batchNorm],
    ["fc1", dense(24, false)],
    ["fc1/bn", batchNorm],
    ["fc1/relu", relu],
    ["fc2", dense(outputs, true)],
  ]);
  return {
    inputShape: [2, 2, 1],
    layers: layers.map(([name, layer], index) => ({
      name,
      inputs: [layers[index - 1]?.[0] ?? "input"],
      trainable: !FROZEN.includes(name),
      layer,
    })),
  };
}

/** Samples per shard. */
export const SHARD_SAMPLES = 2;

const common = /** @type {const} */ ({
  optimizer: { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  learningRate: 1e-4,
  schedule: { kind: "constant", warmupSteps: 0 },
  seed: 1,
  batchSize: 2 * SHARD_SAMPLES,
  shards: 2,
  engine: { name: "tensorflow", threads: 1 },
  numerics: "b".repeat(64),
  validationSize: 0,
});
const digest = "a".repeat(64);

/** @type {RunConfig} */
export const classesConfig = {
  network: smallNetwork(3),
  loss: { kind: "softmax-cross-entropy", labelSmoothing: 0 },
  ...common,
  data: { inputType: "uint8", target: { kind: "classes", count: 3 }, digest },
};

/** With synchronised batch normalisation, so with barriers. @type {RunConfig} */
export const valuesConfig = {
  network: smallNetwork(2),
  loss: { kind: "mean-squared-error" },
  ...common,
  batchNorm: "sync",
  data: { inputType: "float32", target: { kind: "values", count: 2 }, digest },
};

/**
 * The run's layout with its trainable parameters in three buckets instead of one.
 * @template {{buckets: readonly (readonly unknown[])[]}} T
 * @param {T} layout
 * @returns {T}
 */
export function inThreeBuckets(layout) {
  const parameters = layout.buckets.flat();
  const [ofOutput, ofHidden] = [2, 3];
  return {
    ...layout,
    buckets: [
      parameters.slice(0, ofOutput),
      parameters.slice(ofOutput, ofOutput + ofHidden),
      parameters.slice(ofOutput + ofHidden),
    ],
  };
}
