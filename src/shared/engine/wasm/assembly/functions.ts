// Transcendental functions that use only + − × ÷ and bit operations, on two float64 at a time. Unlike those of Math, they have the
// same bits in every JavaScript engine. Their relative error is about 1e-12, so a float32 rounded from the result is nearly always
// the nearest.
const LOG2_E: f64 = 1.4426950408889634;
/** ln 2 in two parts. The first one's last 11 bits are zero, so that its product with an exponent is exact. */
const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;
/** eˣ is infinite from EXP_MAX on, and 0 below EXP_MIN. */
const EXP_MAX: f64 = 710;
const EXP_MIN: f64 = -708;
const SQRT_HALF: f64 = 0.7071067811865476;

export class Doubles {
  /** eˣ = 2ᵏ · eʳ, |r| ≤ ½ ln 2, and the Taylor series of eʳ up to r¹¹. */
  static exp(x: v128): v128 {
    const bounded = f64x2.max(f64x2.min(x, f64x2.splat(EXP_MAX)), f64x2.splat(EXP_MIN));
    const k = f64x2.nearest(f64x2.mul(bounded, f64x2.splat(LOG2_E)));
    const high = f64x2.sub(bounded, f64x2.mul(k, f64x2.splat(LN2_HIGH)));
    const r = f64x2.sub(high, f64x2.mul(k, f64x2.splat(LN2_LOW)));
    let sum = f64x2.splat(1.0 / 39916800.0);
    sum = Doubles.step(sum, r, 1.0 / 3628800.0);
    sum = Doubles.step(sum, r, 1.0 / 362880.0);
    sum = Doubles.step(sum, r, 1.0 / 40320.0);
    sum = Doubles.step(sum, r, 1.0 / 5040.0);
    sum = Doubles.step(sum, r, 1.0 / 720.0);
    sum = Doubles.step(sum, r, 1.0 / 120.0);
    sum = Doubles.step(sum, r, 1.0 / 24.0);
    sum = Doubles.step(sum, r, 1.0 / 6.0);
    sum = Doubles.step(sum, r, 0.5);
    sum = Doubles.step(sum, r, 1);
    sum = Doubles.step(sum, r, 1);
    const exponent = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(k));
    const power = i64x2.shl(i64x2.add(exponent, i64x2.splat(1023)), 52);
    return v128.andnot(f64x2.mul(sum, power), f64x2.lt(x, f64x2.splat(EXP_MIN)));
  }

  /** eˣ − 1, also accurate near 0: for |x| < 1/16 by the Taylor series up to x⁹. */
  static expm1(x: v128): v128 {
    let series = f64x2.splat(1.0 / 362880.0);
    series = Doubles.step(series, x, 1.0 / 40320.0);
    series = Doubles.step(series, x, 1.0 / 5040.0);
    series = Doubles.step(series, x, 1.0 / 720.0);
    series = Doubles.step(series, x, 1.0 / 120.0);
    series = Doubles.step(series, x, 1.0 / 24.0);
    series = Doubles.step(series, x, 1.0 / 6.0);
    series = Doubles.step(series, x, 0.5);
    series = Doubles.step(series, x, 1);
    series = f64x2.mul(series, x);
    const difference = f64x2.sub(Doubles.exp(x), f64x2.splat(1));
    const isSmall = f64x2.lt(f64x2.abs(x), f64x2.splat(0.0625));
    return v128.bitselect(series, difference, isSmall);
  }

  /** tanh |x| = −e/(2 + e), e = exp(−2|x|) − 1. */
  static tanh(x: v128): v128 {
    const sign = v128.and(x, f64x2.splat(-0.0));
    const e = Doubles.expm1(f64x2.mul(f64x2.abs(x), f64x2.splat(-2)));
    const magnitude = f64x2.div(f64x2.neg(e), f64x2.add(f64x2.splat(2), e));
    return v128.or(f64x2.abs(magnitude), sign);
  }

  /** 1/(1 + e⁻ˣ) */
  static sigmoid(x: v128): v128 {
    const one = f64x2.splat(1);
    return f64x2.div(one, f64x2.add(one, Doubles.exp(f64x2.neg(x))));
  }

  /**
   * erfc |x| = exp(−x²)/(1 + 2|x|) · P(t), t = (|x| − 2½)/(|x| + 2½), with P of degree 17, interpolated at the Chebyshev nodes of
   * [−1,1], as in Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞", 1981.
   * For x < 0 the result is 2 − erfc |x|.
   */
  static erfc(x: v128): v128 {
    // The result is 0 beyond this; an infinite x would lead to ∞/∞.
    const a = f64x2.min(f64x2.abs(x), f64x2.splat(40));
    const t = f64x2.div(f64x2.sub(a, f64x2.splat(2.5)), f64x2.add(a, f64x2.splat(2.5)));
    let sum = f64x2.splat(3.8914788342450015e-7);
    sum = Doubles.step(sum, t, -2.709287888149823e-7);
    sum = Doubles.step(sum, t, -3.8145595207755586e-6);
    sum = Doubles.step(sum, t, 7.078093956292924e-7);
    sum = Doubles.step(sum, t, 2.220927019353704e-5);
    sum = Doubles.step(sum, t, 7.936265798257073e-6);
    sum = Doubles.step(sum, t, -0.00011318930850597903);
    sum = Doubles.step(sum, t, -8.938170247459602e-5);
    sum = Doubles.step(sum, t, 0.0006319906002348369);
    sum = Doubles.step(sum, t, 0.0004921604836772315);
    sum = Doubles.step(sum, t, -0.00438204709882766);
    sum = Doubles.step(sum, t, 0.0009318378657300993);
    sum = Doubles.step(sum, t, 0.03276088933489573);
    sum = Doubles.step(sum, t, -0.10296705085110675);
    sum = Doubles.step(sum, t, 0.15762991924775963);
    sum = Doubles.step(sum, t, -0.09902453976346548);
    sum = Doubles.step(sum, t, -0.122356763086158);
    sum = Doubles.step(sum, t, 1.264838184368011);
    const decay = Doubles.exp(f64x2.neg(f64x2.mul(a, a)));
    const divisor = f64x2.add(f64x2.splat(1), f64x2.add(a, a));
    const tail = f64x2.div(f64x2.mul(decay, sum), divisor);
    const mirrored = f64x2.sub(f64x2.splat(2), tail);
    return v128.bitselect(mirrored, tail, f64x2.lt(x, f64x2.splat(0)));
  }

  /** sum · x + coefficient */
  @inline
  static step(sum: v128, x: v128, coefficient: f64): v128 {
    return f64x2.add(f64x2.mul(sum, x), f64x2.splat(coefficient));
  }
}

export function exp(x: f64): f64 {
  return f64x2.extract_lane(Doubles.exp(f64x2.splat(x)), 0);
}

export function expm1(x: f64): f64 {
  return f64x2.extract_lane(Doubles.expm1(f64x2.splat(x)), 0);
}

export function tanh(x: f64): f64 {
  return f64x2.extract_lane(Doubles.tanh(f64x2.splat(x)), 0);
}

export function erfc(x: f64): f64 {
  return f64x2.extract_lane(Doubles.erfc(f64x2.splat(x)), 0);
}

/**
 * ln x for x in [1, ∞], which is all that losses need.
 * x = 2ᵏ · m with m in [√½, √2), ln m = 2 artanh s, s = (m − 1)/(m + 1).
 */
export function log(x: f64): f64 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<i64>(x);
  let k = <i32>(bits >> 52) - 1022;
  let m = reinterpret<f64>((bits & 0x000f_ffff_ffff_ffff) | 0x3fe0_0000_0000_0000);
  if (m < SQRT_HALF) {
    m += m;
    k--;
  }
  const logarithm = doubleArtanh((m - 1) / (m + 1));
  return <f64>k * LN2_HIGH + (logarithm + <f64>k * LN2_LOW);
}

/** ln(1 + u) for u in [0, 1], also accurate near 0. */
export function log1p(u: f64): f64 {
  return u < 0.375 ? doubleArtanh(u / (2 + u)) : log(1 + u);
}

/** 2 artanh s for |s| < 0.18: the series 2s · Σ s²ⁿ/(2n + 1) up to n = 10. */
function doubleArtanh(s: f64): f64 {
  const square = s * s;
  let sum: f64 = 1.0 / 21.0;
  sum = sum * square + 1.0 / 19.0;
  sum = sum * square + 1.0 / 17.0;
  sum = sum * square + 1.0 / 15.0;
  sum = sum * square + 1.0 / 13.0;
  sum = sum * square + 1.0 / 11.0;
  sum = sum * square + 1.0 / 9.0;
  sum = sum * square + 1.0 / 7.0;
  sum = sum * square + 1.0 / 5.0;
  sum = sum * square + 1.0 / 3.0;
  return 2 * s * (sum * square + 1);
}
