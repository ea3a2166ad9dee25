// The parameters of each kind of layer with their shapes, in the order kernel, bias, scale, beta, and the statistics of a
// batch-norm layer. Pure.
import { type ParameterRole, type ParameterSpec, sizeOf, type StatisticsSpec } from "./network.js";
import type { Initializer, LayerNode, LayerSpec } from "./spec.js";

/** @param inputShape of the layer's only input; not used for layers without parameters */
export function parametersOf(node: LayerNode, inputShape: readonly number[]): ParameterSpec[] {
  const { layer } = node;
  const channels = inputShape.at(-1)!;
  const parameter = (role: ParameterRole, shape: readonly number[], initializer: Initializer) => ({
    name: `${node.name}/${role}`,
    shape,
    role,
    initializer,
    ...computeFans(shape),
    trainable: node.trainable,
    isDenseKernel: layer.kind === "dense" && role === "kernel",
  });
  if (layer.kind === "batch-norm") {
    return [
      ...(layer.scale ? [parameter("scale", [channels], layer.scaleInitializer)] : []),
      ...(layer.center ? [parameter("beta", [channels], layer.betaInitializer)] : []),
    ];
  }
  if (!("kernelInitializer" in layer)) return [];
  const { kernelShape, outputs } = kernelOf(layer, channels);
  return [
    parameter("kernel", kernelShape, layer.kernelInitializer),
    ...(layer.useBias ? [parameter("bias", [outputs], layer.biasInitializer)] : []),
  ];
}

type KernelLayer = Extract<LayerSpec, { kernelInitializer: Initializer }>;

function kernelOf(
  layer: KernelLayer,
  channels: number,
): { kernelShape: readonly number[]; outputs: number } {
  switch (layer.kind) {
    case "conv2d":
      return {
        kernelShape: [...layer.kernelSize, channels, layer.filters],
        outputs: layer.filters,
      };
    case "depthwise-conv2d":
      return {
        kernelShape: [...layer.kernelSize, channels, layer.depthMultiplier],
        outputs: channels * layer.depthMultiplier,
      };
    case "dense":
      return { kernelShape: [channels, layer.units], outputs: layer.units };
  }
}

/** As Keras's compute_fans: the number of values that an output is the sum of, and of outputs that an input contributes to. */
function computeFans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  const [inputs, outputs] = shape.length === 1 ? [shape[0]!, shape[0]!] : shape.slice(-2);
  const receptiveField = sizeOf(shape.slice(0, -2));
  return { fanIn: inputs! * receptiveField, fanOut: outputs! * receptiveField };
}

/** @returns undefined for other layers than batch-norm */
export function statisticsOf(
  { name, trainable, layer }: LayerNode,
  inputShape: readonly number[],
): StatisticsSpec | undefined {
  if (layer.kind !== "batch-norm") return undefined;
  return {
    name,
    channels: inputShape.at(-1)!,
    valuesPerSample: sizeOf(inputShape.slice(0, -1)),
    momentum: layer.momentum,
    epsilon: layer.epsilon,
    trainable,
  };
}
