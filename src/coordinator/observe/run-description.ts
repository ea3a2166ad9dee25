// A run's configuration in a few words and numbers, for the terminal and the page: a network may have a thousand layers. Pure.
import type { EngineSpec, RunConfig } from "../../shared/config.js";
import { augmentationText } from "../../shared/data/augmentation.js";
import type { TargetSpec } from "../../shared/data/samples.js";
import type { LossKind } from "../../shared/graph/graph.js";
import { buildNetwork } from "../../shared/network/build.js";
import { PRESET_NAMES, presetNetwork } from "../../shared/network/presets.js";
import type { NetworkSpec } from "../../shared/network/spec.js";
import type { BatchNormKind } from "../../shared/statistics/barrier.js";
import { countText } from "./number-text.js";

export interface RunDescription {
  /** The name of a preset, or the number of layers. */
  network: string;
  loss: LossKind["kind"];
  optimizer: string;
  learningRate: number;
  schedule: string;
  batchSize: number;
  shards: number;
  /** Missing: ghost, which was the only kind when older logs were written. */
  batchNorm?: BatchNormKind;
  /** What inference normalises with, if not the plain moving average. */
  population?: RunConfig["population"];
  /** `shift=2, flip` */
  augmentation?: string;
  seed: number;
  /** `tensorflow, 2 threads`, or `wasm` */
  engine: string;
  engineName: EngineSpec["name"];
  inputShape: readonly number[];
  inputType: "uint8" | "float32";
  target: TargetSpec;
}

export function describeRun(config: RunConfig): RunDescription {
  const { network, loss, optimizer, schedule, learningRate, batchSize, shards, seed } = config;
  const { population, augmentation } = config;
  const { inputType, target } = config.data;
  return {
    network: describeNetwork(network),
    loss: loss.kind,
    // As users choose it: Adam with decoupled weight decay has its own name.
    optimizer: optimizer.kind === "adam" && optimizer.weightDecay > 0 ? "adamw" : optimizer.kind,
    learningRate,
    schedule: schedule.kind,
    batchSize,
    shards,
    ...(config.batchNorm === undefined ? {} : { batchNorm: config.batchNorm }),
    ...(population === undefined ? {} : { population }),
    ...(augmentation === undefined ? {} : { augmentation: augmentationText(augmentation) }),
    seed,
    engine: describeEngine(config.engine),
    engineName: config.engine.name,
    inputShape: network.inputShape,
    inputType,
    target,
  };
}

export function describeEngine(engine: EngineSpec): string {
  if (engine.name === "wasm") return engine.name;
  return `${engine.name}, ${countText(engine.threads, "thread")}`;
}

/**
 * `cnn`, or `network of 12 layers`.
 * @param matching whether a preset with other initial values counts as that preset
 */
export function describeNetwork(
  spec: NetworkSpec,
  matching: "exactly" | "any-initial-values" = "exactly",
): string {
  const textOf = matching === "exactly" ? specText : architectureText;
  const preset = PRESET_NAMES.find((name) => isPreset(spec, name, textOf));
  return preset ?? `network of ${countText(spec.layers.length, "layer")}`;
}

function isPreset(
  spec: NetworkSpec,
  name: (typeof PRESET_NAMES)[number],
  textOf: (spec: NetworkSpec) => string,
): boolean {
  try {
    const [outputs] = buildNetwork(spec).outputShape;
    const preset = presetNetwork(name, spec.inputShape, outputs ?? 0);
    return textOf(preset) === textOf(spec);
  } catch {
    // A preset with convolutions for inputs that are not images.
    return false;
  }
}

/** With the keys of every object sorted. */
function specText(spec: NetworkSpec): string {
  return JSON.stringify(spec, (_key, value: unknown) => sortKeys(value));
}

/** The network without its initial values: equal texts are equal architectures. */
export function architectureText(spec: NetworkSpec): string {
  return JSON.stringify(spec, (key, value: unknown) => {
    return key.endsWith("Initializer") ? undefined : sortKeys(value);
  });
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
