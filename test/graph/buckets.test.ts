// Gradient buckets.
import { expect, it } from "vitest";
import { gradientBuckets } from "../../src/shared/network/buckets.js";
import { buildNetwork } from "../../src/shared/network/build.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import { dense, networkOf } from "./networks.js";

it("cuts the cnn before its convolutions: the dense layers have nearly all weights", () => {
  const network = buildNetwork(presetNetwork("cnn", [28, 28, 1], 10));
  const names = gradientBuckets(network).map(({ parameters }) =>
    parameters.map(({ name }) => name),
  );
  expect(names).toEqual([
    ["fc2/kernel", "fc2/bias", "fc1/bn/scale", "fc1/bn/beta", "fc1/kernel"],
    [
      "conv2/bn/scale",
      "conv2/bn/beta",
      "conv2/kernel",
      "conv1/bn/scale",
      "conv1/bn/beta",
      "conv1/kernel",
    ],
  ]);
});

it("has one bucket for a small network, and none where nothing is trained", () => {
  expect(gradientBuckets(networkOf([4], [["fc", dense(3)]]))).toMatchObject([{ byteLength: 60 }]);
  expect(gradientBuckets(networkOf([4], [["fc", dense(3)]], ["fc"]))).toEqual([]);
});

it("closes a bucket once it has the bytes of the cap", () => {
  const network = networkOf(
    [4],
    [
      ["a", dense(4)],
      ["b", dense(4)],
    ],
  );
  const sizes = (cap: number) =>
    gradientBuckets(network, cap, cap).map(({ byteLength }) => byteLength);
  expect(sizes(64)).toEqual([64, 80, 16]);
  expect(sizes(65)).toEqual([80, 80]);
  expect(sizes(1)).toEqual([64, 16, 64, 16]);
});
