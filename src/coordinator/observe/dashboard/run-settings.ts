// A run's configuration as a flat list of names and values, for the log: `tandem show A B` compares runs by it. It says less
// about the network than the configuration does, but enough to tell two networks apart. Pure.
import type { RunConfig } from "../../../shared/config.js";
import { sha256OfText, toHex } from "../../../shared/digest/sha256.js";
import type { Initializer, LayerSpec, NetworkSpec } from "../../../shared/network/spec.js";
import type { OptimizerSpec, ScheduleSpec } from "../../../shared/optimizer/optimizer.js";
import { LOSS_NAMES } from "../loss-names.js";
import { architectureText, describeNetwork } from "../run-description.js";

/** Values by the names of settings, in the order in which they are shown. */
export type RunSettings = Record<string, string | number>;

const DIGEST_LENGTH = 8;

export function runSettings(config: RunConfig): RunSettings {
  const { network, loss, optimizer, schedule, engine, data } = config;
  return {
    ...networkSettings(network, config.batchNorm ?? "ghost"),
    loss: LOSS_NAMES[loss.kind],
    ...("labelSmoothing" in loss ? { "label smoothing": loss.labelSmoothing } : {}),
    ...("delta" in loss ? { delta: loss.delta } : {}),
    ...optimizerSettings(optimizer),
    "learning rate": config.learningRate,
    ...scheduleSettings(schedule),
    "batch size": config.batchSize,
    shards: config.shards,
    population: config.population ?? "ema",
    seed: config.seed,
    engine: engine.name,
    ...("threads" in engine ? { threads: engine.threads } : {}),
    numerics: shortDigest(config.numerics),
    "validation size": config.validationSize,
    data: shortDigest(data.digest),
    "initial weights": config.initialDigest ? shortDigest(config.initialDigest) : "drawn",
  };
}

function networkSettings(spec: NetworkSpec, batchNorm: string): RunSettings {
  const name = describeNetwork(spec, "any-initial-values");
  const layers = spec.layers.map(({ layer }) => layer);
  const isNormalised = layers.some(({ kind }) => kind === "batch-norm");
  const dropout = layers.flatMap((layer) => (layer.kind === "dropout" ? [layer.rate] : []));
  return {
    network: name,
    // Two networks with the same number of layers need not be the same.
    ...(name.includes(" ") ? { layers: digestOf(architectureText(spec)) } : {}),
    "batch norm": isNormalised ? batchNorm : "none",
    dropout: dropout.length === 0 ? "none" : joinDistinct(dropout),
    ...initialSettings(layers),
  };
}

function initialSettings(layers: readonly LayerSpec[]): RunSettings {
  const kernels = layers.flatMap((layer) => {
    return "kernelInitializer" in layer ? [initialScale(layer.kernelInitializer)] : [];
  });
  return kernels.length === 0 ? {} : { "initial scale": joinDistinct(kernels) };
}

/** σ of kernels drawn from a normal distribution around 0; otherwise a description of the distribution. */
function initialScale(initializer: Initializer): string | number {
  switch (initializer.kind) {
    case "constant":
      return `constant ${initializer.value}`;
    case "truncated-normal":
    case "normal": {
      const { mean, standardDeviation } = initializer;
      return mean === 0 ? standardDeviation : `${standardDeviation} around ${mean}`;
    }
    case "uniform":
      return `uniform ${initializer.min} to ${initializer.max}`;
    case "variance-scaling":
      return `${initializer.scale}/${initializer.mode}, ${initializer.distribution}`;
  }
}

function optimizerSettings({ kind, weightDecay, clipNorm, ...rule }: OptimizerSpec): RunSettings {
  return {
    optimizer: kind,
    ...rule,
    "weight decay": weightDecay,
    "clip norm": clipNorm ?? "none",
  };
}

function scheduleSettings({ kind, warmupSteps }: ScheduleSpec): RunSettings {
  return { schedule: kind, "warm-up steps": warmupSteps };
}

/** A single value if all are the same. */
function joinDistinct(values: readonly (string | number)[]): string | number {
  const distinct = [...new Set(values)];
  return distinct.length === 1 ? distinct[0]! : distinct.join("; ");
}

function digestOf(text: string): string {
  return shortDigest(toHex(sha256OfText(text)));
}

function shortDigest(hex: string): string {
  return hex.slice(0, DIGEST_LENGTH);
}
