// The order in which the statistics of layers are computed: what a layer's input depends on comes first, and nothing waits
// unnecessarily.
import { expect, test } from "vitest";
import { buildNetwork } from "../../src/shared/network/build.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import type { LayerNode } from "../../src/shared/network/spec.js";
import { populationPasses } from "../../src/shared/statistics/population-passes.js";
import { batchNorm, dense } from "../graph/networks.js";

type Node = [name: string, inputs: string[], options?: { isFrozen?: boolean }];

/** Names that begin with `bn` are batch-norm layers, those that begin with `add` sums, and all others dense layers. */
function passesOf(nodes: readonly Node[]): string[][] {
  const layers = nodes.map(([name, inputs, options]): LayerNode => {
    const layer = name.startsWith("bn")
      ? batchNorm()
      : name.startsWith("add")
        ? ({ kind: "add" } as const)
        : dense(3);
    return { name, inputs, layer, trainable: options?.isFrozen !== true };
  });
  const network = buildNetwork({ inputShape: [3], layers });
  return populationPasses(network).map((pass) => pass.map(({ name }) => name));
}

test("layers that follow each other take a pass each", () => {
  const network = buildNetwork(presetNetwork("cnn", [28, 28, 1], 10));
  const names = populationPasses(network).map((pass) => pass.map(({ name }) => name));
  expect(names).toEqual([["conv1/bn"], ["conv2/bn"], ["fc1/bn"]]);
});

test("layers of branches share a pass, and one behind both waits for the longer branch", () => {
  const passes = passesOf([
    ["bn-a1", ["input"]],
    ["bn-b1", ["input"]],
    ["bn-a2", ["bn-a1"]],
    ["add", ["bn-a2", "bn-b1"]],
    ["bn-end", ["add"]],
    ["out", ["bn-end"]],
  ]);
  expect(passes).toEqual([["bn-a1", "bn-b1"], ["bn-a2"], ["bn-end"]]);
});

test("frozen layers keep their statistics, and nobody waits for them", () => {
  const passes = passesOf([
    ["bn-frozen", ["input"], { isFrozen: true }],
    ["bn-trained", ["bn-frozen"]],
    ["out", ["bn-trained"]],
  ]);
  expect(passes).toEqual([["bn-trained"]]);
});

test("a network without batch normalisation takes no pass", () => {
  expect(passesOf([["out", ["input"]]])).toEqual([]);
});
