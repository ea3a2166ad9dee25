// The shapes of convolutions, pools and their gradients. Pure.
import type { Sides } from "../network/spec.js";
import { type Window, windowOutput } from "../network/window-shape.js";
import type { Op, Value } from "./graph.js";
import {
  describeValue,
  expectRank,
  expectShape,
  float,
  isSameShape,
  type OutputType,
} from "./infer-checks.js";

type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

/** x, kernel → [N,H′,W′,F], or [N,H′,W′,C·M] */
export function inferConvolution(
  op: OpOf<"conv2d" | "depthwise-conv2d">,
  [x, kernel]: [Value, Value],
): OutputType {
  const [samples, ...image] = imageSides(x);
  const [height, width] = slidingOutput(op, image);
  const filters = kernelOutputs(op.kind === "depthwise-conv2d", op, kernel, image[2]);
  return float([samples, height, width, filters]);
}

/** kernel, dY → dX */
export function inferInputGradient(
  op: OpOf<"conv2d-input-gradient" | "depthwise-conv2d-input-gradient">,
  [kernel, dy]: [Value, Value],
): OutputType {
  const image = imageOf(op.inputShape);
  const isDepthwise = op.kind === "depthwise-conv2d-input-gradient";
  const filters = kernelOutputs(isDepthwise, op, kernel, image[2]);
  const [samples] = imageSides(dy);
  expectShape(dy, [samples, ...slidingOutput(op, image), filters]);
  return float([samples, ...image]);
}

/** x, dY → dKernel [h,w,C,F], or [h,w,C,M] */
export function inferKernelGradient(
  op: OpOf<"conv2d-kernel-gradient" | "depthwise-conv2d-kernel-gradient">,
  [x, dy]: [Value, Value],
): OutputType {
  const [samples, ...image] = imageSides(x);
  const outputs = imageSides(dy)[3];
  expectShape(dy, [samples, ...slidingOutput(op, image), outputs]);
  const channels = image[2];
  if (op.kind === "conv2d-kernel-gradient") return float([...op.size, channels, outputs]);
  if (outputs % channels !== 0) {
    throw new RangeError(`${outputs} outputs are not a multiple of ${channels} channels`);
  }
  return float([...op.size, channels, outputs / channels]);
}

/** x → [N,H′,W′,C] */
export function inferPool(op: OpOf<"max-pool" | "average-pool">, [x]: [Value]): OutputType {
  const [samples, ...image] = imageSides(x);
  return float([samples, ...slidingOutput(op, image), image[2]]);
}

/** x, y, notes, dY → dX */
export function inferMaxPoolGradient(
  op: OpOf<"max-pool-gradient">,
  [x, y, , dy]: [Value, Value, Value, Value],
): OutputType {
  const [samples, ...image] = imageSides(x);
  expectShape(y, [samples, ...slidingOutput(op, image), image[2]]);
  expectShape(dy, y.shape);
  return float(x.shape);
}

/** dY → dX */
export function inferAveragePoolGradient(
  op: OpOf<"average-pool-gradient">,
  [dy]: [Value],
): OutputType {
  const image = imageOf(op.inputShape);
  const [samples] = imageSides(dy);
  expectShape(dy, [samples, ...slidingOutput(op, image), image[2]]);
  return float([samples, ...image]);
}

type ImageSides = [height: number, width: number, channels: number];

function imageSides(x: Value): [samples: number, ...ImageSides] {
  expectRank(x, 4);
  return x.shape as unknown as [number, ...ImageSides];
}

function imageOf(shape: readonly number[]): ImageSides {
  if (shape.length !== 3) throw new RangeError(`expected [H,W,C], got [${shape.join()}]`);
  return shape as ImageSides;
}

/** The number of output channels. @throws RangeError if the kernel does not fit the window or the input's channels */
function kernelOutputs(
  isDepthwise: boolean,
  { size }: Window,
  kernel: Value,
  channels: number,
): number {
  expectRank(kernel, 4);
  const [height, width, inputs, outputs] = kernel.shape as [number, number, number, number];
  if (!isSameShape(size, [height, width]) || inputs !== channels) {
    throw new RangeError(
      `expected a kernel [${size.join()},${channels},…], got ${describeValue(kernel)}`,
    );
  }
  return isDepthwise ? channels * outputs : outputs;
}

function slidingOutput(window: Window, [height, width]: ImageSides): Sides {
  const output = windowOutput([height, width], window);
  if (output.some((side) => side < 1)) {
    throw new RangeError(`a window ${window.size.join("×")} in an image ${height}×${width}`);
  }
  return output;
}
