// Compiles the wasm engine's kernels from AssemblyScript to one WebAssembly module, the same for Node and browsers.
import { join } from "node:path";
import { SetupError, succeeds } from "./report.mjs";

const SOURCE = "src/shared/engine/wasm/assembly/index.ts";
const TARGET = "dist/shared/engine/wasm/kernels.wasm";

/**
 * No runtime and no garbage collector; the session provides the memory. `maximumMemory` is in pages of 64 KiB: all that 32 bits
 * can address. A memory shared by threads must declare a maximum.
 */
const OPTIONS = [
  ...["--runtime", "stub", "--importMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
  ...["--enable", "simd", "--noAssert", "--use", "abort="],
  ...["--optimizeLevel", "3", "--shrinkLevel", "0"],
];

/** @param {string} root */
export function compileKernels(root) {
  const asc = join(root, "node_modules/assemblyscript/bin/asc.js");
  if (!succeeds(process.execPath, [asc, SOURCE, "--outFile", TARGET, ...OPTIONS], root)) {
    throw new SetupError("The wasm engine's kernels do not compile.");
  }
}
