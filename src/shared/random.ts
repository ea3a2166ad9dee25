// The project's own random numbers, so that one seed gives the same bits on every machine and in every Node version.
// Only integer arithmetic, comparisons, + and × are used: Math.log and Math.cos may differ between engines in the last bit.
import { sha256OfText } from "./digest/sha256.js";

/** xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018). */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /**
   * @param seed the run's seed
   * @param stream what the numbers are for; each stream is independent of every other
   */
  constructor(seed: number, stream: string) {
    const { buffer, byteOffset } = sha256OfText(`tandem/${seed}/${stream}`);
    const state = new DataView(buffer, byteOffset);
    this.a = state.getUint32(0, true);
    this.b = state.getUint32(4, true);
    this.c = state.getUint32(8, true);
    this.d = state.getUint32(12, true) | 1; // the all-zero state would stay zero
  }

  /** An integer from 0 to 2³² − 1. */
  uint32(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(this.b, 5), 7), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = rotateLeft(this.d, 11);
    return scrambled;
  }

  /** A number from [0, 1), a multiple of 2⁻³². */
  uniform(): number {
    return this.uint32() * 2 ** -32;
  }

  /** An integer from 0 to `bound` − 1, without bias: draws at or above the largest multiple of `bound` are rejected. */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const draw = this.uint32();
      if (draw < limit) return draw % bound;
    }
  }

  /**
   * A normal number, redrawn outside ±2: mean 0, standard deviation 1 before the truncation.
   * A uniform x from [−2, 2) is accepted with probability exp(−x²/2).
   */
  truncatedNormal(): number {
    for (;;) {
      const x = this.uniform() * 4 - 2;
      const half = (x * x) / 4; // in [0, 1]
      if (this.acceptsExponential(half) && this.acceptsExponential(half)) return x;
    }
  }

  /**
   * A normal number: mean 0, standard deviation 1. Karney's algorithm ("Sampling exactly from the normal distribution",
   * ACM Transactions on Mathematical Software 42(1), 2016), which uses comparisons only: its magnitude is whole + part. `whole`
   * has a probability proportional to exp(−whole²/2); `part` from [0, 1) is accepted with exp(−part · (2 · whole + part) / 2).
   */
  normal(): number {
    for (;;) {
      let whole = 0;
      while (this.acceptsExponential(0.5)) whole++;
      if (!this.acceptsEach(0.5, whole * (whole - 1))) continue;
      const part = this.uniform();
      if (!this.acceptsEach(part, whole) || !this.acceptsExponential((part * part) / 2)) continue;
      const magnitude = whole + part;
      return this.uint32() < 2 ** 31 ? magnitude : -magnitude;
    }
  }

  /** True with probability exp(−count · t). */
  private acceptsEach(t: number, count: number): boolean {
    for (let index = 0; index < count; index++) {
      if (!this.acceptsExponential(t)) return false;
    }
    return true;
  }

  /**
   * True with probability exp(−t), t in [0, 1], by von Neumann's comparisons ("Various techniques used in connection
   * with random digits", 1951): the run t > u₁ > u₂ > … has even length with just that probability.
   */
  private acceptsExponential(t: number): boolean {
    let previous = t;
    for (let length = 0; ; length++) {
      const next = this.uniform();
      if (next >= previous) return length % 2 === 0;
      previous = next;
    }
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** The numbers 0 … `count` − 1 in a random order (Fisher and Yates). */
export function permutation(random: Random, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const swapped = order[last]!;
    order[last] = order[other]!;
    order[other] = swapped;
  }
  return order;
}
