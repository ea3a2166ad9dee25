// Synchronised batch normalisation against sync.json, which sync.py worked out with PyTorch in float64: losses, gradients,
// weights and population statistics of three steps, whatever shards the batch is cut into.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { EngineSpec } from "../../src/shared/config.js";
import type { LayerSpec } from "../../src/shared/network/spec.js";
import { Random } from "../../src/shared/random.js";
import { stateLayout } from "../../src/shared/replica/state-layout.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { expectClose } from "../engine/conformance/support.js";
import { batchNorm as batchNormOf, dense, networkOf } from "../graph/networks.js";
import { configOf } from "../support/config.js";
import { hasTensorFlow } from "../support/engines.js";
import { createReplica } from "../support/replica.js";
import { denseValues, takeStep } from "../support/shard-steps.js";

interface Step {
  loss: number;
  gradients: Record<string, number[]>;
  state: Record<string, number[]>;
}

const golden = JSON.parse(readFileSync(new URL("sync.json", import.meta.url), "utf8")) as {
  seed: number;
  batchSize: number;
  classes: number;
  learningRate: number;
  inputShape: number[];
  momentum: number;
  epsilon: number;
  cases: { name: string; steps: Step[] }[];
};

type Layers = Parameters<typeof networkOf>[1];

const batchNorm = (options: Parameters<typeof batchNormOf>[0] = {}): LayerSpec => {
  const { momentum, epsilon } = golden;
  return { ...batchNormOf(options), momentum, epsilon } as LayerSpec;
};
const activation = (kind: "tanh" | "sigmoid" | "elu"): LayerSpec => {
  return { kind: "activation", activation: kind, alpha: kind === "elu" ? 1 : 0 };
};
const zeros = { kind: "constant", value: 0 } as const;
const conv = (filters: number, size: number): LayerSpec => ({
  ...{ kind: "conv2d", filters, kernelSize: [size, size], strides: [1, 1], padding: "same" },
  ...{ useBias: false, kernelInitializer: zeros, biasInitializer: zeros },
});
const withoutBias = (units: number) => ({ ...dense(units), useBias: false }) as LayerSpec;
const flatten: LayerSpec = { kind: "flatten" };
const { classes } = golden;

const NETWORKS: Record<string, { layers: Layers; frozen?: string[]; barriers: string[] }> = {
  chain: {
    layers: [
      ["conv1", conv(3, 3)],
      ["bn1", batchNorm()],
      ["tanh", activation("tanh")],
      ["flat", flatten],
      ["fc1", withoutBias(5)],
      ["bn2", batchNorm({ scale: false })],
      ["sigmoid", activation("sigmoid")],
      ["fc2", dense(classes)],
    ],
    barriers: ["forward bn1", "forward bn2", "backward bn2", "backward bn1"],
  },
  branches: {
    layers: [
      ["trunk", conv(4, 3)],
      ["trunk_bn", batchNorm()],
      ["tanh", activation("tanh")],
      ["left", conv(3, 3)],
      ["left_bn", batchNorm()],
      ["right", conv(3, 1), ["tanh"]],
      ["right_bn", batchNorm({ center: false })],
      ["sum", { kind: "add" }, ["left_bn", "right_bn"]],
      ["elu", activation("elu")],
      ["mean", { kind: "global-average-pool", keepDimensions: false }],
      ["fc", dense(classes)],
    ],
    barriers: [
      ...["forward trunk_bn", "forward left_bn", "forward right_bn"],
      ...["backward right_bn", "backward left_bn", "backward trunk_bn"],
    ],
  },
  "partly-frozen": {
    layers: [
      ["input_bn", batchNorm()],
      ["conv1", conv(3, 3)],
      ["frozen_bn", batchNorm()],
      ["tanh", activation("tanh")],
      ["conv2", conv(2, 3)],
      ["last_bn", batchNorm({ scale: false, center: false })],
      ["flat", flatten],
      ["fc", dense(classes)],
    ],
    frozen: ["frozen_bn"],
    barriers: ["forward input_bn", "forward last_bn", "backward last_bn"],
  },
};

/** As sync.py draws them. */
function draw(name: string, tensor: string, length: number): Float32Array {
  const random = new Random(golden.seed, `sync/${name}/${tensor}`);
  const isWide = tensor === "inputs";
  const low = isWide ? -1 : /\/(scale|pop_var)$/.test(tensor) ? 0.5 : -0.5;
  return Float32Array.from({ length }, () => low + (isWide ? 2 : 1) * random.uniform());
}

const ENGINES: EngineSpec[] = [
  { name: "wasm" },
  ...(hasTensorFlow ? [{ name: "tensorflow", threads: 1 } as const] : []),
];
const RUNS = ENGINES.flatMap((engine) =>
  golden.cases.flatMap(({ name, steps }) =>
    // 7; 3, 2 and 2; 2, 2, 1, 1 and 1; seven of one sample.
    [1, 3, 5, 7].map((shards) => ({ engine, on: engine.name, name, shards, steps })),
  ),
);

test.each(RUNS)("$name in $shards shards on $on", ({ engine, name, shards, steps }) => {
  const { layers, frozen, barriers } = NETWORKS[name]!;
  const { batchSize, learningRate, inputShape } = golden;
  const network = networkOf(inputShape, layers, frozen);
  const replica = createReplica(
    configOf({
      ...{ network: network.spec, engine, batchSize, shards, learningRate, batchNorm: "sync" },
      optimizer: { kind: "sgd", weightDecay: 0 },
      data: {
        inputType: "float32",
        target: { kind: "classes", count: classes },
        digest: "0".repeat(64),
      },
    }),
  );
  const { layout } = replica;
  expect(layout.barriers.map(({ direction, layer }) => `${direction} ${layer}`)).toEqual(barriers);
  const state = stateLayout(layout, "with-slots").map(({ name: tensor, shape }) => {
    return { name: tensor, shape, values: draw(name, tensor, sizeOf(shape)) };
  });
  replica.load(state, 0);
  const sampleSize = sizeOf(inputShape);
  const count = steps.length * batchSize;
  const inputs = draw(name, "inputs", count * sampleSize);
  const random = new Random(golden.seed, `sync/${name}/labels`);
  const targets = Int32Array.from({ length: count }, () => random.uint32() % classes);
  try {
    steps.forEach((expected, step) => {
      const batch = {
        count: batchSize,
        inputs: inputs.subarray(step * batchSize * sampleSize, (step + 1) * batchSize * sampleSize),
        targets: targets.subarray(step * batchSize, (step + 1) * batchSize),
      };
      const { loss, gradients } = takeStep(replica, batch);
      expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-5);
      expect([...gradients.keys()].sort()).toEqual(Object.keys(expected.gradients).sort());
      for (const [parameter, gradient] of gradients) {
        const wanted = Float32Array.from(expected.gradients[parameter]!);
        expectClose(denseValues(gradient), wanted, 2e-5);
      }
      const found = new Map(
        replica.snapshot("with-slots").map((tensor) => [tensor.name, tensor.values]),
      );
      for (const [tensor, values] of Object.entries(expected.state)) {
        expectClose(found.get(tensor)!, Float32Array.from(values), 1e-5);
      }
    });
  } finally {
    replica.dispose();
  }
});
