import { describe, expect, it } from "vitest";
import { TandemError } from "../../src/shared/errors.js";
import { buildNetwork } from "../../src/shared/network/build.js";
import { network } from "../../src/shared/network/compose.js";
import { constant, truncatedNormal } from "../../src/shared/network/initializers.js";
import {
  add,
  averagePool,
  batchNorm,
  concat,
  conv,
  dense,
  depthwiseConv,
  dropout,
  elu,
  flatten,
  globalAveragePool,
  leakyRelu,
  maxPool,
  type NetworkPart,
  relu,
  relu6,
  residual,
  separableConv,
  softmax,
  zeroPadding,
} from "../../src/shared/network/layers.js";
import { PRESET_NAMES, presetNetwork } from "../../src/shared/network/presets.js";

const namesOf = (spec: ReturnType<typeof network>) => spec.layers.map(({ name }) => name);

describe("a network in TypeScript", () => {
  it("names layers by number, and what belongs to a convolution after it", () => {
    const spec = network(
      [28, 28, 1],
      [
        ...[conv(32, 5), batchNorm(), relu(), maxPool(2), conv(64, 5), relu(), relu()],
        ...[flatten(), dropout(0.5), dense(10), softmax()],
      ],
    );
    expect(namesOf(spec)).toEqual([
      ...["conv1", "conv1/bn", "conv1/relu", "conv1/pool", "conv2", "conv2/relu", "relu1"],
      ...["conv2/flatten", "conv2/dropout", "dense1", "dense1/softmax"],
    ]);
    expect(spec.layers.map(({ inputs }) => inputs[0])).toEqual([
      "input",
      ...namesOf(spec).slice(0, -1),
    ]);
  });

  it("leaves given names alone", () => {
    const spec = network(
      [8],
      [dense(4), dense(3, { name: "dense2" }), dense(2), relu({ name: "last" })],
    );
    expect(namesOf(spec)).toEqual(["dense1", "dense2", "dense3", "last"]);
  });

  it("has branches", () => {
    const block = (filters: number, strides: number): NetworkPart => [
      residual(
        [conv(filters, 3, { strides }), batchNorm(), relu(), conv(filters, 3)],
        strides === 1 ? [] : conv(filters, 1, { strides }),
      ),
      relu(),
    ];
    const spec = network(
      [9, 9, 3],
      [
        ...[conv(4, 3), block(4, 1), block(8, 2)],
        concat([[], averagePool(3, { strides: 1 }), leakyRelu(0.1)]),
        ...[globalAveragePool(), dense(2)],
      ],
    );
    const built = buildNetwork(spec);
    expect(built.layers.map(({ name, inputs, shape }) => [name, inputs, shape])).toEqual([
      ["conv1", ["input"], [9, 9, 4]],
      ["conv2", ["conv1"], [9, 9, 4]],
      ["conv2/bn", ["conv2"], [9, 9, 4]],
      ["conv2/relu", ["conv2/bn"], [9, 9, 4]],
      ["conv3", ["conv2/relu"], [9, 9, 4]],
      ["add1", ["conv3", "conv1"], [9, 9, 4]],
      ["relu1", ["add1"], [9, 9, 4]],
      ["conv4", ["relu1"], [5, 5, 8]],
      ["conv4/bn", ["conv4"], [5, 5, 8]],
      ["conv4/relu", ["conv4/bn"], [5, 5, 8]],
      ["conv5", ["conv4/relu"], [5, 5, 8]],
      ["conv6", ["relu1"], [5, 5, 8]],
      ["add2", ["conv5", "conv6"], [5, 5, 8]],
      ["relu2", ["add2"], [5, 5, 8]],
      ["pool1", ["relu2"], [5, 5, 8]],
      ["leaky-relu1", ["relu2"], [5, 5, 8]],
      ["concat1", ["relu2", "pool1", "leaky-relu1"], [5, 5, 24]],
      ["pool2", ["concat1"], [24]],
      ["dense1", ["pool2"], [2]],
    ]);
  });

  it("separable and depthwise convolutions", () => {
    const { parameters } = buildNetwork(
      network(
        [8, 8, 3],
        [
          separableConv(5, 3, { depthMultiplier: 2, strides: 2 }),
          relu6(),
          zeroPadding({ top: 1 }),
          depthwiseConv([3, 1], { useBias: false, trainable: false }),
          flatten(),
          dense(1, { kernelInitializer: truncatedNormal(0.1), biasInitializer: constant(0.1) }),
          elu(),
        ],
      ),
    );
    expect(parameters.map(({ name, shape, trainable }) => [name, shape, trainable])).toEqual([
      ["separable1/depthwise/kernel", [3, 3, 3, 2], true],
      ["separable1/kernel", [1, 1, 6, 5], true],
      ["separable1/bias", [5], true],
      ["depthwise1/kernel", [3, 1, 5, 1], false],
      ["dense1/kernel", [100, 1], true],
      ["dense1/bias", [1], true],
    ]);
  });

  it("is refused where layers do not fit", () => {
    expect(() => network([8, 8, 1], [conv(4, 3), dense(10)])).toThrow(/"dense1".*flatten/);
    expect(() => network([4], [add([dense(3), dense(2)])])).toThrow(/"add1".*\[3\] and \[2\]/);
    expect(() => network([4], [dense(2.5)])).toThrow(TandemError);
    expect(() => network([4], [])).toThrow(TandemError);
  });

  it("catches wrong options when it is compiled", () => {
    // @ts-expect-error: no such padding
    expect(() => network([8, 8, 1], [conv(4, 3, { padding: "full" })])).toThrow(TandemError);
    // @ts-expect-error: an image has three sides
    expect(() => network([8, 8, 1, 1], [flatten()])).toThrow(TandemError);
    // @ts-expect-error: no such option
    network([4], [dense(3, { bias: false })]);
    // @ts-expect-error: the number of units is missing
    expect(() => network([4], [dense()])).toThrow(TandemError);
  });
});

describe("presets", () => {
  it.each(PRESET_NAMES)("%s ends in one logit per class", (name) => {
    const built = buildNetwork(presetNetwork(name, [28, 28, 1], 7));
    expect(built.outputShape).toEqual([7]);
    expect(built.statistics.length > 0).toBe(!name.endsWith("-plain"));
  });

  it("cnn normalises in place of biases", () => {
    const built = buildNetwork(presetNetwork("cnn", [28, 28, 1], 10));
    expect(built.parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ["conv1/kernel", [5, 5, 1, 32]],
      ["conv1/bn/scale", [32]],
      ["conv1/bn/beta", [32]],
      ["conv2/kernel", [5, 5, 32, 64]],
      ["conv2/bn/scale", [64]],
      ["conv2/bn/beta", [64]],
      ["fc1/kernel", [3136, 1024]],
      ["fc1/bn/scale", [1024]],
      ["fc1/bn/beta", [1024]],
      ["fc2/kernel", [1024, 10]],
      ["fc2/bias", [10]],
    ]);
    expect(built.statistics).toEqual([
      {
        name: "conv1/bn",
        channels: 32,
        valuesPerSample: 784,
        momentum: 0.99,
        epsilon: 1e-5,
        trainable: true,
      },
      expect.objectContaining({ name: "conv2/bn", channels: 64, valuesPerSample: 196 }),
      expect.objectContaining({ name: "fc1/bn", channels: 1024, valuesPerSample: 1 }),
    ]);
    expect(built.parameters.filter(({ isDenseKernel }) => isDenseKernel)).toHaveLength(2);
  });

  it("sigmoid takes vectors and images", () => {
    const ofVectors = buildNetwork(presetNetwork("sigmoid", [784], 10));
    const ofImages = buildNetwork(presetNetwork("sigmoid", [28, 28, 1], 10));
    expect(ofVectors.parameters).toEqual(ofImages.parameters);
    expect(ofVectors.parameters.map(({ name }) => name)).toEqual([
      ...["fc1/kernel", "fc1/bn/scale", "fc1/bn/beta"],
      ...["fc2/kernel", "fc2/bn/scale", "fc2/bn/beta", "fc3/kernel", "fc3/bias"],
    ]);
  });
});
