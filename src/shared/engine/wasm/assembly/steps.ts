// Optimizer steps, in place, and gradient clipping. Scalars that change from step to step are in memory. Elementwise kernels have
// parts of 4 KiB (pointwise.ts).
import { Pointwise } from "./pointwise";

/** θ ← θ − rate · g */
export function sgdStep(
  _scratch: usize,
  from: i32,
  to: i32,
  theta: usize,
  gradient: usize,
  rate: usize,
  length: i32,
): void {
  const rates = v128.load32_splat(rate);
  const end = Pointwise.end(to, length);
  for (let at = Pointwise.begin(from); at < end; at += 16) {
    const change = f32x4.mul(rates, v128.load(gradient + at));
    v128.store(theta + at, f32x4.sub(v128.load(theta + at), change));
  }
}

/** a ← momentum · a + g; θ ← θ − rate · a */
export function momentumStep(
  _scratch: usize,
  from: i32,
  to: i32,
  theta: usize,
  accumulator: usize,
  gradient: usize,
  rate: usize,
  length: i32,
  momentum: f32,
): void {
  const rates = v128.load32_splat(rate);
  const end = Pointwise.end(to, length);
  for (let at = Pointwise.begin(from); at < end; at += 16) {
    const decayed = f32x4.mul(f32x4.splat(momentum), v128.load(accumulator + at));
    const a = f32x4.add(decayed, v128.load(gradient + at));
    v128.store(accumulator + at, a);
    v128.store(theta + at, f32x4.sub(v128.load(theta + at), f32x4.mul(rates, a)));
  }
}

/** m ← m + (g − m) · share1; v ← v + (g² − v) · share2; θ ← θ − rate · m/(√v + ε) */
export function adamStep(
  _scratch: usize,
  from: i32,
  to: i32,
  theta: usize,
  m: usize,
  v: usize,
  gradient: usize,
  rate: usize,
  length: i32,
  share1: f32,
  share2: f32,
  epsilon: f32,
): void {
  const rates = v128.load32_splat(rate);
  const end = Pointwise.end(to, length);
  for (let at = Pointwise.begin(from); at < end; at += 16) {
    const g = v128.load(gradient + at);
    const m0 = v128.load(m + at);
    const v0 = v128.load(v + at);
    const m1 = f32x4.add(m0, f32x4.mul(f32x4.sub(g, m0), f32x4.splat(share1)));
    const square = f32x4.mul(g, g);
    const v1 = f32x4.add(v0, f32x4.mul(f32x4.sub(square, v0), f32x4.splat(share2)));
    const divisor = f32x4.add(f32x4.sqrt(v1), f32x4.splat(epsilon));
    const change = f32x4.div(f32x4.mul(rates, m1), divisor);
    v128.store(m + at, m1);
    v128.store(v + at, v1);
    v128.store(theta + at, f32x4.sub(v128.load(theta + at), change));
  }
}

/** s ← s + (g² − s) · share; θ ← θ − rate · g/√(s + ε) */
export function rmspropStep(
  _scratch: usize,
  from: i32,
  to: i32,
  theta: usize,
  meanSquare: usize,
  gradient: usize,
  rate: usize,
  length: i32,
  share: f32,
  epsilon: f32,
): void {
  const rates = v128.load32_splat(rate);
  const end = Pointwise.end(to, length);
  for (let at = Pointwise.begin(from); at < end; at += 16) {
    const g = v128.load(gradient + at);
    const s0 = v128.load(meanSquare + at);
    const square = f32x4.mul(g, g);
    const s1 = f32x4.add(s0, f32x4.mul(f32x4.sub(square, s0), f32x4.splat(share)));
    const divisor = f32x4.sqrt(f32x4.add(s1, f32x4.splat(epsilon)));
    const change = f32x4.div(f32x4.mul(rates, g), divisor);
    v128.store(meanSquare + at, s1);
    v128.store(theta + at, f32x4.sub(v128.load(theta + at), change));
  }
}

/** Values per part of `addSquares` (SQUARES_PART in lower-steps.ts). */
const SQUARES_PART: i32 = 4096;

/** Σ x² of each part, in float64. */
export function addSquares(
  _scratch: usize,
  from: i32,
  to: i32,
  partial: usize,
  x: usize,
  length: i32,
): void {
  for (let part = from; part < to; part++) {
    const end = min((part + 1) * SQUARES_PART, length);
    let pairs = f64x2.splat(0);
    let i = part * SQUARES_PART;
    for (; i + 2 <= end; i += 2) {
      const values = f64x2.promote_low_f32x4(v128.load64_zero(x + ((<usize>i) << 2)));
      pairs = f64x2.add(pairs, f64x2.mul(values, values));
    }
    let sum = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
    if (i < end) {
      const last = <f64>load<f32>(x + ((<usize>i) << 2));
      sum += last * last;
    }
    store<f64>(partial + ((<usize>part) << 3), sum);
  }
}

/** Adds the parts' sums. */
export function finishSquares(
  _scratch: usize,
  _from: i32,
  _to: i32,
  out: usize,
  partial: usize,
  parts: i32,
): void {
  let sum: f64 = 0;
  for (let part = 0; part < parts; part++) sum += load<f64>(partial + ((<usize>part) << 3));
  store<f32>(out, <f32>sum);
}

/** The clip factor in three kernels: sum = 0; sum ← sum + x, in float64; out = min(1, limit/√sum). */
export function beginClip(_scratch: usize, _from: i32, _to: i32, sum: usize): void {
  store<f64>(sum, 0);
}

export function addToClip(_scratch: usize, _from: i32, _to: i32, sum: usize, squares: usize): void {
  store<f64>(sum, load<f64>(sum) + <f64>load<f32>(squares));
}

export function finishClip(
  _scratch: usize,
  _from: i32,
  _to: i32,
  out: usize,
  sum: usize,
  limit: f64,
): void {
  store<f32>(out, <f32>min<f64>(1, limit / sqrt<f64>(load<f64>(sum))));
}
