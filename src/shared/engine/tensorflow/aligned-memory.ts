// Memory that JavaScript writes and TensorFlow reads without a copy.

/** TF_NewTensor (tensorflow/c/tf_tensor.cc) copies memory with a smaller alignment than this (EIGEN_MAX_ALIGN_BYTES). */
const ALIGNMENT = 64;
const WASM_PAGE = 64 * 1024;

/** Node has it, but only the types of browsers declare it. */
declare const WebAssembly: {
  Memory: new (pages: { initial: number; maximum: number }) => { buffer: ArrayBuffer };
};

/**
 * Float32 arrays of zeros in one block of memory, each at an aligned address.
 * The address of an ArrayBuffer is arbitrary; that of a WebAssembly.Memory is aligned to a page.
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
