// The library: `import { train, network, adam, idx, … } from "tandem"`. It runs the same training as the command line.

/**
 * Tandem trains one network on several ordinary machines as if they were one, to the bit.
 *
 * ```ts
 * import { adam, batchNorm, conv, dense, flatten, idx, maxPool, network, oneCycle, relu, train } from "tandem";
 *
 * const run = train({
 *   network: network([28, 28, 1], [conv(32, 5), batchNorm(), relu(), maxPool(2), flatten(), dense(10)]),
 *   data: await idx(),
 *   optimizer: adam({ learningRate: oneCycle(0.01) }),
 *   batchSize: 128, steps: 430, workers: 2,
 *   output: "checkpoint.safetensors",
 * });
 * for await (const event of run) if (event.event === "evaluation") console.log(event.testAccuracy);
 * ```
 *
 * @module
 */

import "./shared/digest/node-digests.js";

export { type Run, train } from "./run/train.js";
export type { ListenOptions, TrainOptions } from "./run/train-options.js";
export { RECIPE_NAMES, type RecipeName } from "./run/recipes.js";
export type { RunResult } from "./run/run-request.js";
export {
  arrays,
  data,
  evaluate,
  type Evaluation,
  idx,
  type OpenDataOptions,
  source,
} from "./run/library.js";
export { exportModel, type ExportOptions } from "./export/library.js";
export { predict, type PredictFilesOptions } from "./predict/library.js";
export type { ExportFormat } from "./export/export-format.js";
export type { NamedProbability, Prediction } from "./predict/prediction.js";
export { recalibrate, type RecalibrateOptions, type Recalibration } from "./run/recalibrate.js";
export type { ArrayDataOptions, ArraySet } from "./shared/data/array-source.js";
export type { OwnSample, OwnSamples, OwnSourceOptions } from "./shared/data/own-source.js";
export type {
  DataSource,
  Samples,
  SampleSet,
  SampleShape,
  TargetSpec,
} from "./shared/data/samples.js";

export {
  adam,
  type AdamOptions,
  adamw,
  momentum,
  type MomentumOptions,
  type OptimizerChoice,
  type OptimizerOptions,
  rmsprop,
  type RmspropOptions,
  sgd,
} from "./run/optimizers.js";
export {
  constant,
  cosine,
  type LearningRate,
  linear,
  oneCycle,
  type ScheduleChoice,
  type ScheduleOptions,
} from "./run/schedules.js";
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  huber,
  type HuberOptions,
  type LossChoice,
  meanAbsoluteError,
  meanSquaredError,
  softmaxCrossEntropy,
} from "./run/losses.js";

export { type InputShape, network } from "./shared/network/compose.js";
export * from "./shared/network/layers.js";
/** All layers as one object, for those who prefer `layers.conv(32, 5)`. */
export * as layers from "./shared/network/layers.js";
/** Distributions of the initial weights: `initializers.heNormal()` and so on. */
export * as initializers from "./shared/network/initializers.js";
export { readKerasJson } from "./shared/network/keras-json.js";
export { PRESET_NAMES, type PresetName, presetNetwork } from "./shared/network/presets.js";
export type {
  ActivationKind,
  Initializer,
  LayerNode,
  LayerSpec,
  NetworkSpec,
  Padding,
  Sides,
} from "./shared/network/spec.js";

export type { RunConfig } from "./shared/config.js";
export type { EngineName } from "./shared/engine/engine.js";
export { type ErrorCode, TandemError } from "./shared/errors.js";
export type { ReportedEvent } from "./shared/run-event.js";
