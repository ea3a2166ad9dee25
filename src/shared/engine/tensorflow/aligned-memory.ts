// Memory that JavaScript writes and TensorFlow reads where it is.

/** TF_NewTensor (tensorflow/c/tf_tensor.cc) copies what does not begin at a multiple of this (EIGEN_MAX_ALIGN_BYTES). */
const ALIGNMENT = 64;
const WASM_PAGE = 64 * 1024;

/** Node has it; its types name it only where the browser's are loaded too. */
declare const WebAssembly: {
  Memory: new (pages: { initial: number; maximum: number }) => { buffer: ArrayBuffer };
};

/**
 * Arrays of so many float32 each, zeros, in one block of memory, each at an address that TensorFlow uses as it is.
 * An ArrayBuffer may begin anywhere; a WebAssembly.Memory begins with a page.
 */
export function allocateAligned(lengths: readonly number[]): Float32Array[] {
  const sizes = lengths.map((length) => Math.ceil((4 * length) / ALIGNMENT) * ALIGNMENT);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const pages = Math.ceil(total / WASM_PAGE);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  let offset = 0;
  return lengths.map((length, index) => {
    const values = new Float32Array(buffer, offset, length);
    offset += sizes[index]!;
    return values;
  });
}
