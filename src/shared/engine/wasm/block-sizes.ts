// Block and scratch sizes of products and convolutions, the same as in their kernels (assembly/multiply.ts, matrix-rows.ts,
// scratch.ts). Pure.

/** Of a row of the table: its entry and its tail. */
export const ROW_BYTES = 12 + 32;

/** What the kernels keep beside matrices, and what is lost where each of them begins at a multiple of 64. */
export const SCRATCH_BASE_BYTES = 1024;

const BLOCK_TERMS = 256;

/** The length of the pieces that a length is cut into: as equal as possible, none longer than the limit. */
export function balance(length: number, limit: number): number {
  return Math.ceil(length / Math.ceil(length / limit));
}

/** @param terms of a sum @returns how many of them a block adds up */
export function blockTerms(terms: number): number {
  return balance(terms, BLOCK_TERMS);
}

/** The number of columns, rounded up to whole panels. */
export function panelWidth(columns: number): number {
  return Math.ceil(columns / 8) * 8;
}
