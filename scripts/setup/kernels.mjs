// The wasm engine's kernels: AssemblyScript to one WebAssembly module, the same for Node and browsers.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SetupError } from "./report.mjs";

const SOURCES = "src/shared/engine/wasm/assembly";

/**
 * No runtime and no garbage collector; the session brings the memory. `maximumMemory` in pages of 64 KiB: all that 32 bits
 * can address, and what a memory that threads share must declare.
 */
const OPTIONS = [
  ...["--runtime", "stub", "--importMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
  ...["--enable", "simd", "--noAssert", "--use", "abort="],
  ...["--optimizeLevel", "3", "--shrinkLevel", "0", "--converge"],
];

/** @param {string} root */
export async function compileKernels(root) {
  const { default: asc } = await import("assemblyscript/asc");
  const folder = join(root, SOURCES);
  const target = join(root, "dist/shared/engine/wasm/kernels.wasm");
  let messages = "";
  const { error } = await asc.main(["index.ts", "--outFile", "kernels.wasm", ...OPTIONS], {
    readFile: (name) => readSource(join(folder, name)),
    writeFile: (_name, contents) => {
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, contents);
    },
    listFiles: (name) => readdirSync(join(folder, name)),
    stdout: { write: (/** @type {unknown} */ chunk) => void (messages += String(chunk)) },
    stderr: { write: (/** @type {unknown} */ chunk) => void (messages += String(chunk)) },
  });
  if (error) throw new SetupError(`The kernels do not compile.\n${messages}`);
}

/** @param {string} file */
function readSource(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
