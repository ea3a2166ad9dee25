// Block and scratch sizes of products and convolutions. They must match those in the kernels (assembly/multiply.ts,
// matrix-rows.ts, scratch.ts). Pure.

/** A row of the table: its entry and its tail. */
export const ROW_BYTES = 12 + 32;

/** For what the kernels store besides matrices, and for aligning each of these to 64 bytes. */
export const SCRATCH_BASE_BYTES = 1024;

const BLOCK_TERMS = 256;

/** Splits a length into pieces that are as equal as possible and at most `limit` long. @returns their length */
export function balance(length: number, limit: number): number {
  return Math.ceil(length / Math.ceil(length / limit));
}

/** @param terms of a sum @returns the number of terms per block */
export function blockTerms(terms: number): number {
  return balance(terms, BLOCK_TERMS);
}

/** The number of columns, rounded up to full panels. */
export function panelWidth(columns: number): number {
  return Math.ceil(columns / 8) * 8;
}
