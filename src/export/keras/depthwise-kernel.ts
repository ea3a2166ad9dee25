// Turns the kernel of a depthwise convolution into that of an ordinary one, with zeros for all other input channels. Pure.
import type { KerasWeight } from "./keras-model.js";

/** [h,w,C,M] → [h,w,C,C·M], output channel c·M + m */
export function denseDepthwiseKernel({ shape, values }: KerasWeight): KerasWeight {
  const [height, width, channels, multiplier] = shape as [number, number, number, number];
  const filters = channels * multiplier;
  const dense = new Float32Array(height * width * channels * filters);
  for (let row = 0; row < height * width * channels; row++) {
    const channel = row % channels;
    const own = values.subarray(row * multiplier, (row + 1) * multiplier);
    dense.set(own, row * filters + channel * multiplier);
  }
  return { role: "kernel", shape: [height, width, channels, filters], values: dense };
}
