// The module of kernels that the wasm engine launches (launch.ts). AssemblyScript, compiled by scripts/setup/kernels.mjs. Strict:
// no relaxed SIMD, multiply then add, and every sum in a fixed order that depends only on shapes. Functions that must be inlined
// are static methods, as Prettier can parse `@inline` only there.
export { activate, activateGradient } from "./activations";
export {
  addChannelGradients,
  addChannelMoments,
  addChannels,
  finishGradients,
  finishMoments,
  finishSums,
} from "./channel-sums";
export {
  addBias,
  gradientFactors,
  normalisationFactors,
  normalisationGradient,
  normalise,
} from "./channels";
export { copyBlocks, fillZeros } from "./copies";
export { erfc, exp, expm1, log, log1p, tanh } from "./functions";
export {
  binaryCrossEntropy,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  softmax,
  softmaxCrossEntropy,
} from "./losses";
export { add, copy, multiply, multiplyByScalar } from "./pointwise";
export { averagePool, averagePoolGradient, maxPool, maxPoolGradient } from "./pools";
export {
  adamStep,
  addSquares,
  addToClip,
  beginClip,
  finishClip,
  finishSquares,
  momentumStep,
  rmspropStep,
  sgdStep,
} from "./steps";
export { convolve } from "./convolve";
export { convolveDepthwise } from "./depthwise";
export { depthwiseKernelGradient } from "./depthwise-kernel-gradient";
export { convolutionKernelGradient } from "./kernel-gradient";
export { matMul } from "./mat-mul";
export { packKernel, packTurnedKernel } from "./pack-kernel";

/** The first byte after the module's constants. The memory from here on belongs to the session. */
export function heapBase(): usize {
  return __heap_base;
}
