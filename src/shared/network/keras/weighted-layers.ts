// Keras's convolutions and dense layers, with their optional activation. Pure.
import type { LayerSpec } from "../spec.js";
import { readActivation } from "./activations.js";
import { readInitializer } from "./initializers.js";
import type { Options } from "./options.js";
import { expectChannelsLast, type LayerPart, single } from "./parts.js";

/** @param rank of the result that the activation is applied to */
function withActivation(options: Options, parts: LayerPart[], rank: number): LayerPart[] {
  const layer = readActivation(options, "activation", rank);
  if (layer === undefined) return parts;
  const suffix = layer.kind === "softmax" ? "/softmax" : `/${layer.activation}`;
  return [...parts, { suffix, layer }];
}

/** Options of all convolutions. */
function readWindow(options: Options) {
  expectChannelsLast(options);
  options.expect("dilation_rate", [[1, 1], 1]);
  options.expect("groups", [1]);
  return {
    kernelSize: options.readSides("kernel_size", [1, 1]),
    strides: options.readSides("strides", [1, 1]),
    padding: options.readChoice("padding", ["valid", "same"], "valid"),
  };
}

function readBias(options: Options) {
  return {
    useBias: options.readFlag("use_bias", true),
    biasInitializer: readInitializer(options, "bias_initializer", "Zeros"),
  };
}

export function readConv(options: Options): LayerPart[] {
  const layer: LayerSpec = {
    kind: "conv2d",
    filters: options.readNumber("filters", 0),
    ...readWindow(options),
    ...readBias(options),
    kernelInitializer: readInitializer(options, "kernel_initializer", "GlorotUniform"),
  };
  return withActivation(options, single(layer), 3);
}

export function readDepthwiseConv(options: Options): LayerPart[] {
  ignoreKernel(options);
  const layer: LayerSpec = {
    kind: "depthwise-conv2d",
    ...readWindow(options),
    depthMultiplier: options.readNumber("depth_multiplier", 1),
    ...readBias(options),
    kernelInitializer: readInitializer(options, "depthwise_initializer", "GlorotUniform"),
  };
  return withActivation(options, single(layer), 3);
}

/** A depthwise convolution without bias, and a 1×1 convolution with the layer's own name. */
export function readSeparableConv(options: Options): LayerPart[] {
  ignoreKernel(options);
  const depthwise: LayerSpec = {
    kind: "depthwise-conv2d",
    ...readWindow(options),
    depthMultiplier: options.readNumber("depth_multiplier", 1),
    useBias: false,
    biasInitializer: { kind: "constant", value: 0 },
    kernelInitializer: readInitializer(options, "depthwise_initializer", "GlorotUniform"),
  };
  const pointwise: LayerSpec = {
    kind: "conv2d",
    filters: options.readNumber("filters", 0),
    kernelSize: [1, 1],
    strides: [1, 1],
    padding: "valid",
    ...readBias(options),
    kernelInitializer: readInitializer(options, "pointwise_initializer", "GlorotUniform"),
  };
  const parts = [
    { suffix: "/depthwise", layer: depthwise },
    { suffix: "", layer: pointwise },
  ];
  return withActivation(options, parts, 3);
}

/** Keras 2 also writes the options of the base class, which these layers do not use. */
function ignoreKernel(options: Options): void {
  options.ignore("kernel_initializer");
}

export function readDense(options: Options): LayerPart[] {
  const layer: LayerSpec = {
    kind: "dense",
    units: options.readNumber("units", 0),
    ...readBias(options),
    kernelInitializer: readInitializer(options, "kernel_initializer", "GlorotUniform"),
  };
  return withActivation(options, single(layer), 1);
}
