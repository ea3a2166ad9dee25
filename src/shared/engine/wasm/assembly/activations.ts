// Activations and their gradients. Those with exponentials are computed in float64, two values at a time, and rounded once.
import { Doubles } from "./functions";
import { Pointwise } from "./pointwise";

/** ActivationKind in the order of ACTIVATIONS in lower-pointwise.ts. */
const RELU: i32 = 0;
const RELU6: i32 = 1;
const LEAKY_RELU: i32 = 2;
const ELU: i32 = 3;
const GELU: i32 = 4;
const GELU_TANH: i32 = 5;
const SILU: i32 = 6;
const SIGMOID: i32 = 7;
const TANH: i32 = 8;

const SQRT_HALF: f64 = 0.7071067811865476;
/** 1/√(2π) */
const DENSITY: f64 = 0.3989422804014327;
/** √(2/π), and the other constant of Hendrycks and Gimpel, "Gaussian error linear units", 2016. */
const GELU_SCALE: f64 = 0.7978845608028654;
const GELU_CUBE: f64 = 0.044715;

/** out = activation(x) */
export function activate(
  _scratch: usize,
  from: i32,
  to: i32,
  kind: i32,
  out: usize,
  x: usize,
  length: i32,
  alpha: f32,
): void {
  const begin = Pointwise.begin(from);
  const end = Pointwise.end(to, length);
  const zero = f32x4.splat(0);
  if (kind == RELU) {
    for (let at = begin; at < end; at += 16) {
      v128.store(out + at, f32x4.pmax(v128.load(x + at), zero));
    }
  } else if (kind == RELU6) {
    const six = f32x4.splat(6);
    for (let at = begin; at < end; at += 16) {
      v128.store(out + at, f32x4.pmin(f32x4.pmax(v128.load(x + at), zero), six));
    }
  } else if (kind == LEAKY_RELU) {
    const slope = f32x4.splat(alpha);
    for (let at = begin; at < end; at += 16) {
      const value = v128.load(x + at);
      const leak = f32x4.mul(value, slope);
      v128.store(out + at, v128.bitselect(value, leak, f32x4.gt(value, zero)));
    }
  } else {
    for (let at = begin; at < end; at += 16) {
      const value = v128.load(x + at);
      const low = smooth(kind, Lanes.low(value), alpha);
      v128.store(out + at, Lanes.join(low, smooth(kind, Lanes.high(value), alpha)));
    }
  }
}

/** out = dy · activation′(x); y = activation(x) */
export function activateGradient(
  _scratch: usize,
  from: i32,
  to: i32,
  kind: i32,
  out: usize,
  dy: usize,
  x: usize,
  y: usize,
  length: i32,
  alpha: f32,
): void {
  const begin = Pointwise.begin(from);
  const end = Pointwise.end(to, length);
  const zero = f32x4.splat(0);
  if (kind == RELU) {
    for (let at = begin; at < end; at += 16) {
      const isActive = f32x4.gt(v128.load(y + at), zero);
      v128.store(out + at, v128.and(v128.load(dy + at), isActive));
    }
  } else if (kind == RELU6) {
    const six = f32x4.splat(6);
    for (let at = begin; at < end; at += 16) {
      const value = v128.load(y + at);
      const isActive = v128.and(f32x4.gt(value, zero), f32x4.lt(value, six));
      v128.store(out + at, v128.and(v128.load(dy + at), isActive));
    }
  } else if (kind == LEAKY_RELU) {
    const slope = f32x4.splat(alpha);
    for (let at = begin; at < end; at += 16) {
      const gradient = v128.load(dy + at);
      const isActive = f32x4.gt(v128.load(x + at), zero);
      v128.store(out + at, v128.bitselect(gradient, f32x4.mul(gradient, slope), isActive));
    }
  } else {
    for (let at = begin; at < end; at += 16) {
      const gradient = v128.load(dy + at);
      const value = v128.load(x + at);
      const low = smoothDerivative(kind, Lanes.low(value), alpha);
      const high = smoothDerivative(kind, Lanes.high(value), alpha);
      const lowProduct = f64x2.mul(Lanes.low(gradient), low);
      v128.store(out + at, Lanes.join(lowProduct, f64x2.mul(Lanes.high(gradient), high)));
    }
  }
}

/** Converts four float32 to two pairs of float64, and back. */
class Lanes {
  @inline
  static low(x: v128): v128 {
    return f64x2.promote_low_f32x4(x);
  }

  @inline
  static high(x: v128): v128 {
    return f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 1));
  }

  @inline
  static join(low: v128, high: v128): v128 {
    return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
  }
}

function smooth(kind: i32, x: v128, alpha: f64): v128 {
  switch (kind) {
    case ELU: {
      const below = f64x2.mul(Doubles.expm1(x), f64x2.splat(alpha));
      return v128.bitselect(x, below, f64x2.gt(x, f64x2.splat(0)));
    }
    case GELU:
      return f64x2.mul(x, normalDistribution(x));
    case GELU_TANH:
      return f64x2.mul(x, Doubles.sigmoid(geluArgument(x)));
    case SILU:
      return f64x2.mul(x, Doubles.sigmoid(x));
    case SIGMOID:
      return Doubles.sigmoid(x);
    default:
      return Doubles.tanh(x);
  }
}

function smoothDerivative(kind: i32, x: v128, alpha: f64): v128 {
  const one = f64x2.splat(1);
  switch (kind) {
    case ELU: {
      const below = f64x2.mul(Doubles.exp(x), f64x2.splat(alpha));
      return v128.bitselect(one, below, f64x2.gt(x, f64x2.splat(0)));
    }
    case GELU: {
      // Φ(x) + x·φ(x)
      const exponent = f64x2.mul(f64x2.mul(x, x), f64x2.splat(-0.5));
      const density = f64x2.mul(Doubles.exp(exponent), f64x2.splat(DENSITY));
      return f64x2.add(normalDistribution(x), f64x2.mul(x, density));
    }
    case GELU_TANH: {
      // u = 2√(2/π)·(x + 0.044715·x³): σ(u) + x·u′·σ(u)·(1 − σ(u))
      const u = geluArgument(x);
      const cubic = f64x2.mul(f64x2.mul(x, x), f64x2.splat(3 * GELU_CUBE));
      const slope = f64x2.mul(f64x2.add(cubic, one), f64x2.splat(2 * GELU_SCALE));
      const product = f64x2.mul(f64x2.mul(x, slope), sigmoidDerivative(u));
      return f64x2.add(Doubles.sigmoid(u), product);
    }
    case SILU: {
      // σ·(1 + x·(1 − σ))
      const sigmoid = Doubles.sigmoid(x);
      const slope = f64x2.mul(x, f64x2.sub(one, sigmoid));
      return f64x2.mul(sigmoid, f64x2.add(one, slope));
    }
    case SIGMOID:
      return sigmoidDerivative(x);
    default: {
      // 1 − tanh² = 4e/(1 + e)², e = exp(−2|x|)
      const e = Doubles.exp(f64x2.mul(f64x2.abs(x), f64x2.splat(-2)));
      const sum = f64x2.add(one, e);
      return f64x2.div(f64x2.mul(e, f64x2.splat(4)), f64x2.mul(sum, sum));
    }
  }
}

/** Φ(x) = ½ erfc(−x/√2) */
function normalDistribution(x: v128): v128 {
  const scaled = f64x2.mul(x, f64x2.splat(-SQRT_HALF));
  return f64x2.mul(Doubles.erfc(scaled), f64x2.splat(0.5));
}

/**
 * 2√(2/π)·(x + 0.044715·x³): gelu-tanh is x · ½(1 + tanh(u/2)) = x · σ(u), which is also accurate for negative x, where 1 + tanh
 * suffers from cancellation.
 */
function geluArgument(x: v128): v128 {
  const cubic = f64x2.mul(f64x2.mul(x, x), f64x2.splat(GELU_CUBE));
  const factor = f64x2.mul(f64x2.add(cubic, f64x2.splat(1)), f64x2.splat(2 * GELU_SCALE));
  return f64x2.mul(x, factor);
}

/** e/(1 + e)², e = exp(−|x|): 1 − σ would lose accuracy if σ is near 1. */
function sigmoidDerivative(x: v128): v128 {
  const e = Doubles.exp(f64x2.neg(f64x2.abs(x)));
  const sum = f64x2.add(f64x2.splat(1), e);
  return f64x2.div(e, f64x2.mul(sum, sum));
}
