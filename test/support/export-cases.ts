// Checkpoints to export, without training: small networks with random weights and population statistics that differ from channel to
// channel, and what the project's own engine computes with them.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import type { Checkpoint } from "../../src/shared/checkpoint/checkpoint.js";
import type { RunConfig } from "../../src/shared/config.js";
import type { LossKind } from "../../src/shared/graph/graph.js";
import { readKerasJson } from "../../src/shared/network/keras-json.js";
import { sizeOf } from "../../src/shared/network/network.js";
import type { ActivationKind, LayerSpec, NetworkSpec } from "../../src/shared/network/spec.js";
import { Random } from "../../src/shared/random.js";
import { predictSamples } from "../../src/shared/replica/inference.js";
import { stateLayout } from "../../src/shared/replica/state-layout.js";
import { WeightsReplica } from "../../src/shared/replica/weights-replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { batchNorm, conv2d, dense, EVERY_LAYER, networkOf } from "../graph/networks.js";
import { configOf } from "./config.js";
import { CLASS_COUNT, randomNetworks } from "./random-networks.js";

export interface ExportCase {
  name: string;
  checkpoint: Checkpoint;
}

const CROSS_ENTROPY: LossKind = { kind: "softmax-cross-entropy", labelSmoothing: 0 };
const BINARY: LossKind = { kind: "binary-cross-entropy", labelSmoothing: 0 };

const kerasNetwork = (path: string) =>
  readKerasJson(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));

const ACTIVATIONS: readonly [ActivationKind, number][] = [
  ...(["relu", "relu6", "gelu", "gelu-tanh", "silu", "sigmoid", "tanh"] as const).map(
    (kind) => [kind, 0] as [ActivationKind, number],
  ),
  ["leaky-relu", 0.2],
  ["elu", 1],
  ["elu", 0.4],
];

/** Every activation beside the others, on features. */
function activationNetwork(): NetworkSpec {
  const names = ACTIVATIONS.map(([kind], index) => `${kind}/${index}`);
  return networkOf(
    [7],
    [
      ["hidden", dense(6)],
      ...ACTIVATIONS.map(
        ([activation, alpha], index) =>
          [names[index]!, { kind: "activation", activation, alpha }, ["hidden"]] as const,
      ),
      ["joined", { kind: "concatenate", axis: 0 }, names],
      ["values", dense(3)],
    ],
  ).spec;
}

/** What few networks have: unequal strides, names that other formats do not allow, batch norm without images, inner sides. */
function oddNetwork(): NetworkSpec {
  const depthwise: LayerSpec = {
    ...{ kind: "depthwise-conv2d", kernelSize: [3, 2], strides: [2, 1], padding: "same" },
    ...{ depthMultiplier: 2, useBias: true },
    kernelInitializer: { kind: "constant", value: 0 },
    biasInitializer: { kind: "constant", value: 0 },
  };
  return networkOf(
    [9, 7, 3],
    [
      ["block/conv", conv2d(4, { strides: [2, 1] })],
      ["block_conv", batchNorm()],
      ["dépthwise", depthwise],
      ["mean", { kind: "average-pool", poolSize: [2, 3], strides: [1, 2], padding: "same" }],
      ["max", { kind: "global-max-pool", keepDimensions: true }],
      ["rows", { kind: "reshape", shape: [4, 2] }],
      ["rows/bn", batchNorm({ center: false })],
      ["twice", { kind: "concatenate", axis: 0 }, ["rows/bn", "rows"]],
      ["flat", { kind: "flatten" }],
      ["probabilities", dense(1)],
      ["sigmoid", { kind: "activation", activation: "sigmoid", alpha: 0 }],
    ],
  ).spec;
}

/** onnxruntime 1.30 took a padding in front of a pool for the pool's own, which has other values. */
function paddedPools(): NetworkSpec {
  const pad: LayerSpec = { kind: "zero-padding", top: 2, bottom: 1, left: 1, right: 3 };
  const window = { poolSize: [2, 2], strides: [1, 1], padding: "valid" } as const;
  return networkOf(
    [4, 4, 2],
    [
      ["bn", batchNorm()],
      ["pad", pad],
      ["mean", { kind: "average-pool", ...window }],
      ["again", pad, ["bn"]],
      ["max", { kind: "max-pool", ...window }],
      ["sum", { kind: "add" }, ["mean", "max"]],
      ["flat", { kind: "flatten" }],
      ["classes", dense(3)],
    ],
  ).spec;
}

const CASES: readonly [string, () => NetworkSpec, Partial<RunConfig>][] = [
  ["residual", () => kerasNetwork("golden/networks/residual.json"), classes(5)],
  ["separable", () => kerasNetwork("golden/networks/separable.json"), classes(6)],
  ["every-layer", () => networkOf([6, 6, 2], EVERY_LAYER).spec, classes(3, ["é", "a\nb", "c"])],
  ["activations", activationNetwork, values("float32", 3)],
  ["padded-pools", paddedPools, classes(3)],
  ["odd", oddNetwork, { loss: BINARY, ...classes(2, ["no", "yes"]) }],
];

function classes(count: number, classNames?: string[]): Partial<RunConfig> {
  const names = classNames ? { classNames } : {};
  const target = { kind: "classes", count } as const;
  return { data: { inputType: "uint8", target, digest: "0".repeat(64), ...names } };
}

function values(inputType: "float32", count: number): Partial<RunConfig> {
  const target = { kind: "values", count } as const;
  return {
    loss: { kind: "mean-squared-error" },
    data: { inputType, target, digest: "0".repeat(64) },
  };
}

export const EXPORT_CASES: readonly ExportCase[] = CASES.map(([name, network, changes]) => ({
  name,
  checkpoint: checkpointWith(
    configOf({ loss: CROSS_ENTROPY, engine: { name: "wasm" }, ...changes, network: network() }),
  ),
}));

const RANDOM_COUNT = 16;

/** The same ones in every run: a run of all formats has to have all of their references. */
export const RANDOM_CASES: readonly ExportCase[] = fc
  .sample(randomNetworks, { seed: 17, numRuns: RANDOM_COUNT })
  .map((network, index) => {
    const config = { loss: CROSS_ENTROPY, engine: { name: "wasm" }, network } as const;
    const checkpoint = checkpointWith(configOf({ ...config, ...classes(CLASS_COUNT) }));
    return { name: `random-${index}`, checkpoint };
  });

/** Kernels that keep the values' magnitude from layer to layer, and statistics that differ from all defaults. */
export function checkpointWith(config: RunConfig): Checkpoint {
  const random = new Random(11, "export");
  const layout = layoutOfRun(config);
  const fans = new Map(layout.network.parameters.map(({ name, fanIn }) => [name, fanIn]));
  const unit = () => random.below(2 ** 20) / 2 ** 20;
  const tensors = stateLayout(layout, "with-slots").map(({ name, shape }) => {
    const spread = name.endsWith("/kernel") ? Math.sqrt(6 / (fans.get(name) ?? 1)) : 0.5;
    const middle = /\/(scale|pop_var)$/.test(name) ? 1 : 0;
    const numbers = Float32Array.from(
      { length: sizeOf(shape) },
      () => middle + spread * (2 * unit() - 1),
    );
    return { name, shape, values: numbers };
  });
  return { config, step: 0, tensors };
}

/** Inputs as the exported models take them: pixels from 0 to 255, or features around 0. */
export function exportInputs({ checkpoint: { config } }: ExportCase, count: number): Float32Array {
  const random = new Random(5, "export inputs");
  const size = count * sizeOf(config.network.inputShape);
  return Float32Array.from({ length: size }, () =>
    config.data.inputType === "uint8" ? random.below(256) : random.below(4001) / 1000 - 2,
  );
}

/** [count,K]: what the wasm engine computes, probabilities where the network classifies. */
export function ownOutputs({ checkpoint }: ExportCase, inputs: Float32Array): Float32Array {
  const { config, tensors } = checkpoint;
  const layout = layoutOfRun(config);
  const replica = new WeightsReplica(layout, openEngine({ name: "wasm" }));
  try {
    const names = new Set(stateLayout(layout, "weights-only").map(({ name }) => name));
    replica.load(
      tensors.filter(({ name }) => names.has(name)),
      0,
    );
    const count = inputs.length / sizeOf(config.network.inputShape);
    const isPixels = config.data.inputType === "uint8";
    return predictSamples(replica, {
      count,
      inputs: isPixels ? Uint8Array.from(inputs) : inputs,
      targets: new Int32Array(count),
    });
  } finally {
    replica.dispose();
  }
}
