// Products and convolutions as the wasm engine's launches on random inputs, and their float64 references.
import type { Launch, NodeMemory } from "../../src/shared/engine/wasm/launch.js";
import {
  lowerConv2d,
  lowerConv2dInputGradient,
  lowerConv2dKernelGradient,
} from "../../src/shared/engine/wasm/lower-convolutions.js";
import {
  lowerDepthwise,
  lowerDepthwiseInputGradient,
  lowerDepthwiseKernelGradient,
} from "../../src/shared/engine/wasm/lower-depthwise.js";
import { lowerMatMul } from "../../src/shared/engine/wasm/lower-products.js";
import { type Window, windowOutput } from "../../src/shared/network/window-shape.js";
import type { RunnerTensor } from "./kernel-runner.js";
import { randomValues } from "./reference/random-values.js";
import type { ReferenceTensor } from "./reference/tensor.js";
import { convolve, convolveInputGradient, convolveKernelGradient } from "./reference/windows.js";

/** What is computed, and its float64 reference. */
export interface Computation {
  lower: (memory: NodeMemory) => Launch[];
  inputs: readonly RunnerTensor[];
  outputShape: readonly number[];
  /** Of an output. */
  terms: number;
  refer: (inputs: ReferenceTensor[]) => Float64Array;
}

function tensor(shape: readonly number[], name: string): RunnerTensor {
  return { shape, values: randomValues(shape, name) };
}

export interface Product {
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
}

export function product({ m, n, k, transposeA, transposeB }: Product): Computation {
  const op = { kind: "mat-mul", transposeA, transposeB } as const;
  const a = tensor(transposeA ? [k, m] : [m, k], "a");
  const b = tensor(transposeB ? [n, k] : [k, n], "b");
  const refer = ([left, right]: ReferenceTensor[]) => {
    const c = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        for (let term = 0; term < k; term++) {
          const x = left!.values[transposeA ? term * m + i : i * k + term]!;
          c[i * n + j]! += x * right!.values[transposeB ? j * k + term : term * n + j]!;
        }
      }
    }
    return c;
  };
  return {
    lower: (memory) => lowerMatMul(op, memory),
    inputs: [a, b],
    outputShape: [m, n],
    terms: k,
    refer,
  };
}

export const TRANSPOSITIONS = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB })),
);

export const CONVOLUTIONS = ["forward", "input gradient", "kernel gradient"] as const;

export interface Sliding {
  kind: (typeof CONVOLUTIONS)[number];
  isDepthwise: boolean;
  image: readonly [number, number, number, number];
  filters: number;
  window: Window;
}

/** @param filters for each channel, if the convolution is depthwise */
export function sliding({ kind, isDepthwise, image, filters, window }: Sliding): Computation {
  const [images, height, width, channels] = image;
  const kernelShape = [...window.size, channels, filters];
  const sides = windowOutput([height, width], window);
  const yShape = [images, ...sides, isDepthwise ? channels * filters : filters];
  const [x, kernel, dy] = [tensor(image, "x"), tensor(kernelShape, "kernel"), tensor(yShape, "dy")];
  const pixels = window.size[0] * window.size[1];
  switch (kind) {
    case "forward":
      return {
        lower: (memory) =>
          isDepthwise
            ? lowerDepthwise({ kind: "depthwise-conv2d", ...window }, memory)
            : lowerConv2d({ kind: "conv2d", ...window }, memory),
        inputs: [x, kernel],
        outputShape: yShape,
        terms: pixels * (isDepthwise ? 1 : channels),
        refer: ([first, second]) => convolve(first!, second!, window, isDepthwise).values,
      };
    case "input gradient": {
      const inputShape = image.slice(1);
      return {
        lower: (memory) =>
          isDepthwise
            ? lowerDepthwiseInputGradient(
                { kind: "depthwise-conv2d-input-gradient", inputShape, ...window },
                memory,
              )
            : lowerConv2dInputGradient(
                { kind: "conv2d-input-gradient", inputShape, ...window },
                memory,
              ),
        inputs: [kernel, dy],
        outputShape: image,
        terms: pixels * filters,
        refer: ([first, second]) =>
          convolveInputGradient(first!, second!, inputShape, window, isDepthwise).values,
      };
    }
    case "kernel gradient":
      return {
        lower: (memory) =>
          isDepthwise
            ? lowerDepthwiseKernelGradient(
                { kind: "depthwise-conv2d-kernel-gradient", ...window },
                memory,
              )
            : lowerConv2dKernelGradient({ kind: "conv2d-kernel-gradient", ...window }, memory),
        inputs: [x, dy],
        outputShape: kernelShape,
        terms: images * sides[0] * sides[1],
        refer: ([first, second]) =>
          convolveKernelGradient(first!, second!, window, isDepthwise).values,
      };
    default:
      return kind satisfies never;
  }
}
