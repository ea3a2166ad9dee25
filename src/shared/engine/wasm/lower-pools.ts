// Pools as launches (assembly/pools.ts). Pure.
import { type Window, windowPadding } from "../../network/window-shape.js";
import type { Launch, Lowering, Operand } from "./launch.js";
import { pointersOf } from "./lower-pointwise.js";

type Image = readonly [samples: number, height: number, width: number, channels: number];

/** @param image contains the windows @param pooled has one value per window */
function launchPool(
  kernel: string,
  pointers: readonly number[],
  { size, strides, padding }: Window,
  image: Operand,
  pooled: Operand,
): Launch {
  const [samples, height, width, channels] = image.shape as Image;
  const [, outHeight, outWidth] = pooled.shape as Image;
  const top = windowPadding(height, size[0], strides[0], padding).before;
  const left = windowPadding(width, size[1], strides[1], padding).before;
  const sides = [height, width, channels, outHeight, outWidth];
  const args = [...pointers, ...sides, ...size, ...strides, top, left];
  // A gradient's windows may overlap, so only complete images are independent of each other.
  const parts = kernel.endsWith("Gradient") ? samples : samples * outHeight;
  return { kernel, parts, args };
}

/** The notes are empty, as the gradient searches for the largest values again. */
export const lowerMaxPool: Lowering<"max-pool"> = (op, { inputs: [x], outputs: [y] }) => [
  launchPool("maxPool", pointersOf([y!, x!]), op, x!, y!),
];

export const lowerMaxPoolGradient: Lowering<"max-pool-gradient"> = (
  op,
  { inputs: [x, y, , dy], outputs: [dx] },
) => [launchPool("maxPoolGradient", pointersOf([dx!, x!, y!, dy!]), op, x!, y!)];

export const lowerAveragePool: Lowering<"average-pool"> = (op, { inputs: [x], outputs: [y] }) => [
  launchPool("averagePool", pointersOf([y!, x!]), op, x!, y!),
];

export const lowerAveragePoolGradient: Lowering<"average-pool-gradient"> = (
  op,
  { inputs: [dy], outputs: [dx] },
) => [launchPool("averagePoolGradient", pointersOf([dx!, dy!]), op, dx!, dy!)];
