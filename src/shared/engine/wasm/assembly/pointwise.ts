// Elementwise kernels: loops over full vectors. Operands are padded to multiples of 64 bytes, so the last vector may extend beyond
// the last value; the results there are ignored.

/** Bytes per part (POINTWISE_PART in lower-pointwise.ts). */
const PART: usize = 4096;

export class Pointwise {
  @inline
  static begin(from: i32): usize {
    return <usize>from * PART;
  }

  /** The first byte after the last vector of part `to` − 1. */
  @inline
  static end(to: i32, length: i32): usize {
    return min(<usize>to * PART, (((<usize>length) << 2) + 15) & ~15);
  }
}

/** out = x, bit by bit */
export function copy(_scratch: usize, from: i32, to: i32, out: usize, x: usize, length: i32): void {
  const end = Pointwise.end(to, length);
  for (let at = Pointwise.begin(from); at < end; at += 16) v128.store(out + at, v128.load(x + at));
}

/** out = a + b */
export function add(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  a: usize,
  b: usize,
  length: i32,
): void {
  const end = Pointwise.end(to, length);
  for (let at = Pointwise.begin(from); at < end; at += 16) {
    v128.store(out + at, f32x4.add(v128.load(a + at), v128.load(b + at)));
  }
}

/** out = a · b */
export function multiply(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  a: usize,
  b: usize,
  length: i32,
): void {
  const end = Pointwise.end(to, length);
  for (let at = Pointwise.begin(from); at < end; at += 16) {
    v128.store(out + at, f32x4.mul(v128.load(a + at), v128.load(b + at)));
  }
}

/** out = a · factor, where factor is an address */
export function multiplyByScalar(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  a: usize,
  factor: usize,
  length: i32,
): void {
  const factors = v128.load32_splat(factor);
  const end = Pointwise.end(to, length);
  for (let at = Pointwise.begin(from); at < end; at += 16) {
    v128.store(out + at, f32x4.mul(v128.load(a + at), factors));
  }
}
