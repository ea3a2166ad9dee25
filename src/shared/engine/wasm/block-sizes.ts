// Sizes that the lowering of products and convolutions shares with their kernels (assembly/multiply.ts, matrix-rows.ts,
// scratch.ts): how much scratch memory a launch needs. Pure.

/** Of a row of the table: its entry and its tail. */
export const ROW_BYTES = 12 + 32;

/** What the kernels keep beside matrices, and what is lost where each of them begins at a multiple of 64. */
export const SCRATCH_BASE_BYTES = 1024;

const BLOCK_TERMS = 256;

/** How many terms a block of so many has: blocks are as equal as possible. */
export function blockTerms(terms: number): number {
  return Math.ceil(terms / Math.ceil(terms / BLOCK_TERMS));
}

/** So many columns in whole panels. */
export function panelWidth(columns: number): number {
  return Math.ceil(columns / 8) * 8;
}
