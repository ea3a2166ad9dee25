// The graph of a whole network: what is fed, what comes out, and in which order.
import { describe, expect, it } from "vitest";
import type { Graph, LossKind } from "../../src/shared/graph/graph.js";
import { NetworkGraph } from "../../src/shared/graph/network-graph.js";
import { trainingPhases } from "../../src/shared/graph/training-runs.js";
import { backwardOrder, gradientBuckets } from "../../src/shared/network/buckets.js";
import { buildNetwork } from "../../src/shared/network/build.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import type { Network } from "../../src/shared/network/network.js";
import type { LayerSpec } from "../../src/shared/network/spec.js";
import type { OptimizerSpec } from "../../src/shared/optimizer/optimizer.js";
import {
  ADAM,
  batchNorm,
  conv2d,
  CROSS_ENTROPY,
  dense,
  EVERY_LAYER,
  networkOf,
  relu,
} from "./networks.js";

const cnn = buildNetwork(presetNetwork("cnn", [28, 28, 1], 10));

function graphOf(network: Network, loss: LossKind, optimizer: OptimizerSpec): NetworkGraph {
  return new NetworkGraph(network, loss, optimizer);
}

function kindsOf(graph: Graph, scope: string): string[] {
  return graph.nodes.filter(({ name }) => name.startsWith(scope)).map(({ op }) => op.kind);
}

describe("the preset cnn", () => {
  const graph = graphOf(cnn, CROSS_ENTROPY, ADAM);

  it("has the gradients in the order of the backward pass, each in its parameter's shape", () => {
    const { gradients } = graph.training;
    expect([...gradients.keys()]).toEqual(backwardOrder(cnn).map(({ name }) => name));
    expect([...gradients.keys()][0]).toBe("fc2/kernel");
    for (const { name, shape } of cnn.parameters) {
      expect(gradients.get(name)!.dense.shape).toEqual(shape);
    }
    expect(gradients.get("fc1/kernel")!.factors).toMatchObject({
      inputs: { shape: [-1, 3136] },
      outputs: { shape: [-1, 1024] },
    });
  });

  it("has moments, population statistics and slots by their names in a checkpoint", () => {
    const layers = ["conv1/bn", "conv2/bn", "fc1/bn"];
    expect([...graph.training.moments.keys()]).toEqual(layers);
    expect([...graph.training.statistics.keys()]).toEqual([]);
    const names = layers.flatMap((name) => [`${name}/pop_mean`, `${name}/pop_var`]);
    expect([...graph.inference.statistics.keys()]).toEqual(names);
    expect(graph.variable("adam/m/conv1/kernel").shape).toEqual([5, 5, 1, 32]);
    expect(graph.inference.predictions.shape).toEqual([-1, 10]);
    expect(graph.inference.probabilities!.shape).toEqual([-1, 10]);
  });

  it("does not compute the gradient of its input", () => {
    expect(kindsOf(graph.graph, "gradients/conv1/")).not.toContain("conv2d-input-gradient");
    expect(kindsOf(graph.graph, "gradients/conv2/")).toContain("conv2d-input-gradient");
  });

  it("trains in a run for each bucket, and computes nothing twice", () => {
    const { losses, gradients, lossScale } = graph.training;
    const buckets = gradientBuckets(cnn).map(({ parameters }) => parameters);
    const phases = trainingPhases(graph, buckets, new Set(["fc1/kernel"]));
    expect(phases.map(({ atBarrier }) => atBarrier)).toEqual([undefined]);
    const [first, second] = phases.flatMap((phase) => phase.buckets.map(({ run }) => run));
    expect(first!.fetches[0]).toBe(losses);
    const fetched = buckets[1]!.map(({ name }) => gradients.get(name)!.dense);
    expect(fetched.every((value, index) => value === second!.fetches[index])).toBe(true);
    expect(second!.feeds).not.toContain(lossScale);
    const { inputs, outputs } = gradients.get("fc1/kernel")!.factors!;
    expect(first!.fetches).toContain(inputs);
    expect(first!.fetches).toContain(outputs);
    const placeholders = first!.feeds.filter(({ node }) => node.op.kind === "placeholder");
    expect(placeholders.map(({ node }) => node.name)).toEqual(["inputs", "targets", "loss/scale"]);
  });
});

describe("layers", () => {
  it("builds a graph of every kind of layer, with each gradient in its parameter's shape", () => {
    const network = networkOf([6, 6, 2], EVERY_LAYER);
    const { training, inference } = graphOf(network, CROSS_ENTROPY, ADAM);
    expect([...training.gradients.keys()]).toEqual(backwardOrder(network).map((each) => each.name));
    for (const { name, shape } of network.parameters) {
      expect(training.gradients.get(name)!.dense.shape).toEqual(shape);
    }
    expect([...training.dropoutMasks]).toMatchObject([["dropout", { shape: [-1, 3, 3, 8] }]]);
    expect(inference.predictions.shape).toEqual([-1, 3]);
    expect(inference.predictions.node.op.kind).toBe("bias-add");
    expect(inference.probabilities!.node.op.kind).toBe("softmax");
  });

  it("adds the gradients of a value that several layers use in the order of the backward pass", () => {
    const network = networkOf(
      [4],
      [
        ["a", dense(4)],
        ["b", dense(4)],
        ["c", dense(4), ["a"]],
        ["sum", { kind: "add" }, ["a", "b", "c"]],
      ],
    );
    const { training } = graphOf(network, { kind: "mean-squared-error" }, ADAM);
    const gradientOfA = training.gradients.get("a/bias")!.dense.node.inputs[0]!;
    expect(gradientOfA.node.op.kind).toBe("add");
    const [first, last] = gradientOfA.node.inputs;
    expect(last!.node.name).toBe("gradients/b/mat-mul_1");
    expect(first!.node.inputs[1]!.node.name).toBe("gradients/c/mat-mul_1");
  });

  it("builds no gradients of frozen layers, nor of what comes before all that is trained", () => {
    const layers: [string, LayerSpec][] = [
      ["conv", conv2d(2)],
      ["bn", batchNorm()],
      ["middle", conv2d(2)],
      ["bn2", batchNorm()],
      ["relu", relu],
      ["flat", { kind: "flatten" }],
      ["fc", dense(3)],
    ];
    const network = networkOf([4, 4, 1], layers, ["conv", "bn", "bn2"]);
    const { graph, training, variables } = graphOf(network, CROSS_ENTROPY, ADAM);
    expect([...training.gradients.keys()]).toEqual([
      "fc/kernel",
      "fc/bias",
      "middle/kernel",
      "middle/bias",
    ]);
    expect([...training.statistics.keys()].slice(0, 2)).toEqual(["bn/pop_mean", "bn/pop_var"]);
    expect([...training.moments.keys()]).toEqual([]);
    expect(kindsOf(graph, "gradients/bn2/")).toContain("normalise");
    expect(kindsOf(graph, "gradients/bn/")).toEqual([]);
    expect(kindsOf(graph, "gradients/middle/")).not.toContain("conv2d-input-gradient");
    expect(variables.has("adam/m/conv/kernel")).toBe(false);
  });
});

describe("losses", () => {
  const rows = networkOf([4], [["fc", dense(3)]]);
  const sigmoid = networkOf(
    [4],
    [
      ["fc", dense(3)],
      ["out", { kind: "activation", activation: "sigmoid", alpha: 0 }],
    ],
  );

  it("takes logits for classes and leaves the last sigmoid out", () => {
    const binary = { kind: "binary-cross-entropy", labelSmoothing: 0 } as const;
    const { training, inference } = graphOf(sigmoid, binary, ADAM);
    expect(training.targets).toMatchObject({ type: "float32", shape: [-1, 3] });
    expect(training.losses.node.inputs[0]!.node.op.kind).toBe("bias-add");
    expect(inference.probabilities!.node.op).toMatchObject({ activation: "sigmoid" });
  });

  it("keeps the last sigmoid for a loss of values, which has no probabilities", () => {
    const { training, inference } = graphOf(sigmoid, { kind: "huber", delta: 1 }, ADAM);
    expect(training.losses.node.inputs[0]!.node.op.kind).toBe("activation");
    expect(inference.probabilities).toBeUndefined();
  });

  it("refuses a loss that does not fit", () => {
    const softmax = networkOf(
      [4],
      [
        ["fc", dense(3)],
        ["out", { kind: "softmax" }],
      ],
    );
    const image = networkOf([4, 4, 1], [["conv", conv2d(2)]]);
    const mean = { kind: "mean-squared-error" } as const;
    expect(() => graphOf(softmax, mean, ADAM)).toThrow(/ends with softmax/);
    expect(() => graphOf(sigmoid, CROSS_ENTROPY, ADAM)).toThrow(/ends with sigmoid/);
    expect(() => graphOf(image, CROSS_ENTROPY, ADAM)).toThrow(/one row of values/);
    expect(() => graphOf(rows, CROSS_ENTROPY, ADAM)).not.toThrow();
  });
});

describe("the optimizer", () => {
  const network = networkOf(
    [4],
    [
      ["fc1", dense(3)],
      ["fc2", dense(2)],
    ],
  );

  it("decays kernels before their step, and nothing else", () => {
    const decayed = { ...ADAM, weightDecay: 0.01 };
    const { optimizer } = graphOf(network, CROSS_ENTROPY, decayed);
    const kindsBefore = (name: string) =>
      optimizer.steps.get(name)!.node.after.map(({ node }) => node.op.kind);
    expect(kindsBefore("fc1/kernel")).toEqual(["scale-variable"]);
    expect(kindsBefore("fc1/bias")).toEqual([]);
    expect(graphOf(network, CROSS_ENTROPY, ADAM).optimizer.decayFactor).toBeUndefined();
  });

  it("limits the norm of all gradients together", () => {
    const clipped = { ...ADAM, clipNorm: 1 };
    const { optimizer } = graphOf(network, CROSS_ENTROPY, clipped);
    expect(optimizer.canStepBuckets).toBe(false);
    const factor = optimizer.steps.get("fc1/bias")!.node.inputs[0]!.node.inputs[1]!;
    expect(factor.node.op.kind).toBe("clip-factor");
    expect(factor.node.inputs).toHaveLength(4);
    expect(graphOf(network, CROSS_ENTROPY, ADAM).optimizer.canStepBuckets).toBe(true);
  });

  it("names its slots", () => {
    const common = { weightDecay: 0 };
    const slotsOf = (optimizer: OptimizerSpec) =>
      [...graphOf(network, CROSS_ENTROPY, optimizer).variables.keys()].filter((name) =>
        name.endsWith("/fc1/bias"),
      );
    expect(slotsOf(ADAM)).toEqual(["adam/m/fc1/bias", "adam/v/fc1/bias"]);
    expect(slotsOf({ kind: "sgd", ...common })).toEqual([]);
    expect(slotsOf({ kind: "momentum", momentum: 0.9, ...common })).toEqual(["momentum/fc1/bias"]);
    expect(slotsOf({ kind: "rmsprop", rho: 0.9, epsilon: 1e-7, ...common })).toEqual([
      "rmsprop/fc1/bias",
    ]);
  });
});
