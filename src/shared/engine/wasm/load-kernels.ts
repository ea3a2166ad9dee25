// Loads the package's module of kernels (scripts/setup/kernels.mjs), in Node.
import { readFileSync } from "node:fs";
import { type WasmModule, webAssembly } from "./webassembly.js";

const FILE = new URL("../../../../dist/shared/engine/wasm/kernels.wasm", import.meta.url);

let module: WasmModule | undefined;

export function readKernels(): Uint8Array {
  return readFileSync(FILE);
}

/** Compiled once per process. */
export function loadKernels(): WasmModule {
  module ??= new webAssembly.Module(readKernels());
  return module;
}
