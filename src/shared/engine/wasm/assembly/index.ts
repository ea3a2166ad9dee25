// The module of kernels: what the wasm engine's session launches (launch.ts). AssemblyScript, compiled by
// scripts/setup/kernels.mjs. Strict: no relaxed SIMD, multiply then add, every sum in one order that shapes alone decide.
// What must be inlined is a static method: only there is `@inline` syntax that Prettier reads.
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

/** The first byte behind the module's constants: memory from here on is the session's. */
export function heapBase(): usize {
  return __heap_base;
}
