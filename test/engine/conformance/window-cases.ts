// Cases of convolutions and pools.
import { type Window, windowOutput } from "../../../src/shared/network/window-shape.js";
import { type OpCase, type OpCases, SUM } from "./op-case.js";

/** Unusual sizes: even kernels, strides larger than windows, images of one pixel, one sample. */
const WINDOWS: readonly { image: readonly number[]; window: Window }[] = [
  { image: [2, 7, 6, 3], window: { size: [3, 3], strides: [1, 1], padding: "same" } },
  { image: [3, 8, 8, 2], window: { size: [2, 2], strides: [2, 2], padding: "same" } },
  { image: [2, 7, 7, 2], window: { size: [2, 2], strides: [2, 2], padding: "same" } },
  { image: [2, 7, 6, 3], window: { size: [4, 2], strides: [1, 1], padding: "same" } },
  { image: [2, 9, 8, 3], window: { size: [3, 2], strides: [2, 2], padding: "valid" } },
  { image: [2, 9, 8, 3], window: { size: [5, 4], strides: [2, 2], padding: "same" } },
  { image: [1, 7, 8, 2], window: { size: [2, 1], strides: [3, 3], padding: "same" } },
  { image: [1, 7, 8, 2], window: { size: [2, 2], strides: [3, 3], padding: "valid" } },
  { image: [1, 1, 1, 5], window: { size: [1, 1], strides: [1, 1], padding: "same" } },
  { image: [2, 1, 1, 3], window: { size: [3, 3], strides: [1, 1], padding: "same" } },
  { image: [2, 1, 1, 3], window: { size: [2, 2], strides: [2, 2], padding: "same" } },
  { image: [2, 4, 5, 1], window: { size: [4, 5], strides: [1, 1], padding: "valid" } },
  { image: [2, 6, 5, 3], window: { size: [3, 2], strides: [2, 1], padding: "same" } },
  { image: [2, 6, 5, 3], window: { size: [2, 3], strides: [1, 3], padding: "valid" } },
];

function windowCases(
  make: (image: readonly number[], window: Window) => OpCase["build"],
): OpCase[] {
  return WINDOWS.map(({ image, window }) => ({
    name: `[${image.join()}] ${window.size.join("×")} by ${window.strides.join("×")} ${window.padding}`,
    tolerance: SUM,
    build: make(image, window),
  }));
}

type Kinds =
  | "conv2d"
  | "conv2d-input-gradient"
  | "conv2d-kernel-gradient"
  | "depthwise-conv2d"
  | "depthwise-conv2d-input-gradient"
  | "depthwise-conv2d-kernel-gradient"
  | "max-pool"
  | "max-pool-gradient"
  | "average-pool"
  | "average-pool-gradient";

export const WINDOW_CASES: OpCases<Kinds> = {
  conv2d: windowCases((image, window) => (graph) => {
    const kernel = graph.fixed([...window.size, image[3]!, 4]);
    return [graph.conv2d.forward(graph.samples(image), kernel, window)];
  }),
  "conv2d-input-gradient": windowCases((image, window) => (graph) => {
    const kernel = graph.fixed([...window.size, image[3]!, 4]);
    const dy = graph.samples([image[0]!, ...outputOf(image, window), 4]);
    return [graph.conv2d.inputGradient(kernel, dy, image.slice(1), window)];
  }),
  "conv2d-kernel-gradient": windowCases((image, window) => (graph) => {
    const dy = graph.samples([image[0]!, ...outputOf(image, window), 4]);
    return [graph.conv2d.kernelGradient(graph.samples(image), dy, window)];
  }),
  "depthwise-conv2d": windowCases((image, window) => (graph) => {
    const kernel = graph.fixed([...window.size, image[3]!, 2]);
    return [graph.depthwiseConv2d.forward(graph.samples(image), kernel, window)];
  }),
  "depthwise-conv2d-input-gradient": windowCases((image, window) => (graph) => {
    const kernel = graph.fixed([...window.size, image[3]!, 2]);
    const dy = graph.samples([image[0]!, ...outputOf(image, window), 2 * image[3]!]);
    return [graph.depthwiseConv2d.inputGradient(kernel, dy, image.slice(1), window)];
  }),
  "depthwise-conv2d-kernel-gradient": windowCases((image, window) => (graph) => {
    const dy = graph.samples([image[0]!, ...outputOf(image, window), 2 * image[3]!]);
    return [graph.depthwiseConv2d.kernelGradient(graph.samples(image), dy, window)];
  }),
  "max-pool": windowCases((image, window) => (graph) => {
    return [graph.maxPool(graph.samples(image), window).y];
  }),
  "max-pool-gradient": [
    ...windowCases((image, window) => (graph) => {
      const x = graph.samples(image);
      const pooled = graph.maxPool(x, window);
      const dy = graph.samples([image[0]!, ...outputOf(image, window), image[3]!]);
      return [graph.maxPoolGradient(x, pooled, dy, window)];
    }),
    {
      name: "the first of equal values",
      tolerance: 0,
      build: (graph) => {
        const window: Window = { size: [2, 2], strides: [2, 2], padding: "same" };
        const x = graph.given(
          [1, 4, 4, 1],
          Float32Array.from({ length: 16 }, (_, at) => at % 2),
        );
        const dy = graph.samples([1, 2, 2, 1]);
        return [graph.maxPoolGradient(x, graph.maxPool(x, window), dy, window)];
      },
    },
  ],
  "average-pool": windowCases((image, window) => (graph) => {
    return [graph.averagePool(graph.samples(image), window)];
  }),
  "average-pool-gradient": windowCases((image, window) => (graph) => {
    const dy = graph.samples([image[0]!, ...outputOf(image, window), image[3]!]);
    return [graph.averagePoolGradient(dy, image.slice(1), window)];
  }),
};

/** Height and width of a window's output for the image. */
function outputOf(image: readonly number[], window: Window): readonly number[] {
  return windowOutput([image[1]!, image[2]!], window);
}
