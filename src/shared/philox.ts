// Philox 4×32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): any
// number of the stream can be computed on its own, from a key and its position. Integer arithmetic only. Pure.

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_2 = 0xcd9e8d57;
/** Added to the keys in each round: the golden ratio and √3 − 1, as fractions of 2³². */
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/**
 * Four integers from 0 to 2³² − 1.
 * @param block the four words of the counter; overwritten with the result
 */
export function philox(block: Uint32Array, key0: number, key1: number): void {
  let [c0, c1, c2, c3] = block as unknown as [number, number, number, number];
  let [k0, k1] = [key0, key1];
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high2 = multiplyHigh(MULTIPLIER_2, c2);
    const low2 = Math.imul(MULTIPLIER_2, c2);
    c0 = (high2 ^ c1 ^ k0) >>> 0;
    c1 = low2 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/** The upper 32 bits of the product of two integers below 2³², from 16-bit halves: every intermediate sum is below 2³². */
function multiplyHigh(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const lowMiddle = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (lowMiddle >>> 16);
}
