// The module of kernels: what the wasm engine's session launches (launch.ts). AssemblyScript, compiled by
// scripts/setup/kernels.mjs. Strict: no relaxed SIMD, multiply then add, every sum in one order that shapes alone decide.
// What must be inlined is a static method: only there is `@inline` syntax that Prettier reads.
export * from "./add";
export { clearGrid, convolve } from "./convolve";
export { convolutionKernelGradient } from "./kernel-gradient";
export { matMul } from "./mat-mul";
export { packKernel, packTurnedKernel } from "./pack-kernel";

/** The first byte behind the module's constants: memory from here on is the session's. */
export function heapBase(): usize {
  return __heap_base;
}
