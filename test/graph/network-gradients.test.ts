// Whole networks in the float64 reference: gradients of every parameter against central finite differences of the losses,
// and steps of the optimizer against their formulas.
import { describe, expect, it } from "vitest";
import { dropoutMask } from "../../src/shared/graph/dropout-mask.js";
import type { LossKind, Value } from "../../src/shared/graph/graph.js";
import { NetworkGraph } from "../../src/shared/graph/network-graph.js";
import { type Network, sizeOf } from "../../src/shared/network/network.js";
import type { LayerSpec } from "../../src/shared/network/spec.js";
import { evaluate } from "../support/reference/evaluate.js";
import { randomLabels, randomValues, uniformValues } from "../support/reference/random-values.js";
import { type ReferenceTensor, tensorOf } from "../support/reference/tensor.js";
import {
  ADAM,
  batchNorm,
  conv2d,
  CROSS_ENTROPY,
  dense,
  EVERY_LAYER,
  networkOf,
} from "./networks.js";

const SAMPLES = 2;
const STEP = 1e-5;
const TOLERANCE = 1e-7;
/** Values of each parameter that are moved. */
const MOVED = 3;

type Feeds = Map<Value, ReferenceTensor>;

function randomVariables({ variables }: NetworkGraph): Map<string, ReferenceTensor> {
  const entries = [...variables].map(([name, { shape }]) => {
    return [name, tensorOf(shape, randomValues(shape, name))] as const;
  });
  return new Map(entries);
}

function randomSamples({ inputs, targets }: { inputs: Value; targets: Value }): Feeds {
  const shapeOf = ({ shape }: Value) => [SAMPLES, ...shape.slice(1)];
  const classes = 3;
  const values =
    targets.type === "int32"
      ? randomLabels(SAMPLES, classes, "targets")
      : uniformValues(shapeOf(targets), "targets", [0, 1]);
  return new Map([
    [inputs, tensorOf(shapeOf(inputs), randomValues(shapeOf(inputs), "inputs"))],
    [targets, tensorOf(shapeOf(targets), values)],
  ]);
}

function trainingFeeds({ training }: NetworkGraph): Feeds {
  const feeds = randomSamples(training);
  feeds.set(training.lossScale, tensorOf([], [1 / SAMPLES]));
  for (const [layer, mask] of training.dropoutMasks) {
    const shape = mask.shape.slice(1);
    const options = { seed: 0, step: 0, layer, rate: 0.25, firstSample: 0, count: SAMPLES };
    feeds.set(
      mask,
      tensorOf([SAMPLES, ...shape], dropoutMask({ ...options, size: sizeOf(shape) })),
    );
  }
  for (const [name, value] of training.statistics) {
    feeds.set(value, tensorOf(value.shape, uniformValues(value.shape, name, [0.5, 2])));
  }
  return feeds;
}

function expectGradients(network: Network, loss: LossKind): void {
  const graph = new NetworkGraph(network, loss, ADAM);
  const variables = randomVariables(graph);
  const feeds = trainingFeeds(graph);
  const { losses, gradients } = graph.training;
  const meanLoss = (name: string, at: number, by: number): number => {
    const { shape, values } = variables.get(name)!;
    const moved = { shape, values: values.with(at, values[at]! + by) };
    const [found] = evaluate(feeds, [losses], new Map(variables).set(name, moved));
    return found!.values.reduce((sum, value) => sum + value, 0) / SAMPLES;
  };
  const names = [...gradients.keys()];
  const dense = names.map((name) => gradients.get(name)!.dense);
  const found = evaluate(feeds, dense, new Map(variables));
  names.forEach((name, index) => {
    const { values } = found[index]!;
    const scale = Math.max(1, ...values.map(Math.abs));
    for (let moved = 0; moved < Math.min(MOVED, values.length); moved++) {
      const at = Math.floor((moved * values.length) / MOVED) % values.length;
      const difference = (meanLoss(name, at, STEP) - meanLoss(name, at, -STEP)) / (2 * STEP);
      const error = Math.abs(values[at]! - difference);
      expect(error, `${name}, value ${at}`).toBeLessThan(TOLERANCE * scale);
    }
  });
}

const sigmoid: LayerSpec = { kind: "activation", activation: "sigmoid", alpha: 0 };

describe("gradients", () => {
  it("are right in a network of every kind of layer", () => {
    expectGradients(networkOf([6, 6, 2], EVERY_LAYER), CROSS_ENTROPY);
  });

  it("are right through frozen layers", () => {
    const network = networkOf(
      [4, 4, 1],
      [
        ["conv", conv2d(3, { strides: [2, 2] })],
        ["bn", batchNorm()],
        ["frozen", conv2d(2)],
        ["frozen/bn", batchNorm({ center: false })],
        ["sigmoid", sigmoid],
        ["flat", { kind: "flatten" }],
        ["fc", dense(3)],
        ["fc/bn", batchNorm()],
      ],
      ["frozen", "frozen/bn"],
    );
    expectGradients(network, { kind: "mean-squared-error" });
  });

  it("are right where the last sigmoid is left to the loss, and where it is not", () => {
    const network = networkOf(
      [5],
      [
        ["fc1", dense(4)],
        ["bn", batchNorm()],
        ["sigmoid", sigmoid],
        ["fc2", dense(3)],
        ["out", sigmoid],
      ],
    );
    expectGradients(network, { kind: "binary-cross-entropy", labelSmoothing: 0.1 });
    expectGradients(network, { kind: "huber", delta: 0.3 });
  });
});

it("infers, with the batch's moments as population statistics, what training computes", () => {
  const layers = EVERY_LAYER.filter(([name]) => name !== "dropout").map(
    ([name, layer, inputs]) =>
      [name, layer, inputs?.map((input) => (input === "dropout" ? "relu" : input))] as const,
  );
  const network = networkOf([6, 6, 2], layers as typeof EVERY_LAYER);
  const graph = new NetworkGraph(network, CROSS_ENTROPY, ADAM);
  const variables = randomVariables(graph);
  const { training, inference } = graph;
  const moments = training.moments.get("bn")!;
  const [losses, mean, variance] = evaluate(
    trainingFeeds(graph),
    [training.losses, moments.mean, moments.variance],
    variables,
  );
  const feeds = randomSamples(inference);
  feeds.set(inference.statistics.get("bn/pop_mean")!, mean!);
  feeds.set(inference.statistics.get("bn/pop_var")!, variance!);
  const fetches = [inference.losses, inference.probabilities!];
  const [inferred, probabilities] = evaluate(feeds, fetches, variables);
  expect(inferred!.values).toEqual(losses!.values);
  const sum = probabilities!.values.reduce((total, value) => total + value, 0);
  expect(sum).toBeCloseTo(SAMPLES, 10);
});

it("decays kernels, limits the norm of all gradients, and multiplies factors", () => {
  const network = networkOf([2], [["fc", dense(2)]]);
  const graph = new NetworkGraph(network, CROSS_ENTROPY, {
    kind: "sgd",
    weightDecay: 0.1,
    clipNorm: 2,
  });
  const { rate, decayFactor, gradients, steps } = graph.optimizer;
  const variables = new Map([
    ["fc/kernel", tensorOf([2, 2], [1, 2, 3, 4])],
    ["fc/bias", tensorOf([2], [1, 1])],
  ]);
  const { inputs, outputs } = gradients.get("fc/kernel")!.factors!;
  const feeds: Feeds = new Map([
    [rate, tensorOf([], [0.5])],
    [decayFactor!, tensorOf([], [0.9])],
    [inputs, tensorOf([1, 2], [2, 0])],
    [outputs, tensorOf([1, 2], [1, 1])],
    [gradients.get("fc/bias")!.dense, tensorOf([2], [2, 2])],
  ]);
  evaluate(feeds, [...steps.values()], variables);
  // The gradients [2 2; 0 0] and [2 2] have the norm 4: they are halved.
  const kernel = [...variables.get("fc/kernel")!.values];
  [0.9 - 0.5, 1.8 - 0.5, 2.7, 3.6].forEach((value, at) => {
    expect(kernel[at]).toBeCloseTo(value, 12);
  });
  expect([...variables.get("fc/bias")!.values]).toEqual([0.5, 0.5]);
});
