// Softmax, and the losses of each sample with their gradients with respect to the predictions, in float64. A part is a row.
import { exp, log, log1p } from "./functions";

/** The largest value of a row. */
function largestOf(x: usize, columns: i32): f64 {
  let largest: f64 = -Infinity;
  for (let c = 0; c < columns; c++) largest = max<f64>(largest, load<f32>(x + ((<usize>c) << 2)));
  return largest;
}

/** Σ exp(x − largest) */
function sumOfExponentials(x: usize, columns: i32, largest: f64): f64 {
  let sum: f64 = 0;
  for (let c = 0; c < columns; c++) sum += exp(<f64>load<f32>(x + ((<usize>c) << 2)) - largest);
  return sum;
}

export function softmax(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  x: usize,
  columns: i32,
): void {
  for (let row = from; row < to; row++) {
    const begin = <usize>row * ((<usize>columns) << 2);
    const largest = largestOf(x + begin, columns);
    const sum = sumOfExponentials(x + begin, columns, largest);
    for (let c = 0; c < columns; c++) {
      const at = begin + ((<usize>c) << 2);
      store<f32>(out + at, <f32>(exp(<f64>load<f32>(x + at) - largest) / sum));
    }
  }
}

/** Labels are int32. The label's class has the share 1 − smoothing + smoothing/columns, the others smoothing/columns. */
export function softmaxCrossEntropy(
  _scratch: usize,
  from: i32,
  to: i32,
  losses: usize,
  gradient: usize,
  logits: usize,
  labels: usize,
  columns: i32,
  smoothing: f64,
): void {
  const smallShare = smoothing / <f64>columns;
  for (let row = from; row < to; row++) {
    const begin = <usize>row * ((<usize>columns) << 2);
    const label = load<i32>(labels + ((<usize>row) << 2));
    const largest = largestOf(logits + begin, columns);
    const sum = sumOfExponentials(logits + begin, columns, largest);
    const logarithm = log(sum);
    let loss: f64 = 0;
    for (let c = 0; c < columns; c++) {
      const at = begin + ((<usize>c) << 2);
      const share = c == label ? 1 - smoothing + smallShare : smallShare;
      const centred = <f64>load<f32>(logits + at) - largest;
      // 0 must not be multiplied by an infinite logarithm.
      if (share != 0) loss += share * (logarithm - centred);
      store<f32>(gradient + at, <f32>(exp(centred) / sum - share));
    }
    store<f32>(losses + ((<usize>row) << 2), <f32>loss);
  }
}

/** −t·log σ(x) − (1 − t)·log(1 − σ(x)), t = target · (1 − smoothing) + smoothing/2; the mean over the columns. */
export function binaryCrossEntropy(
  _scratch: usize,
  from: i32,
  to: i32,
  losses: usize,
  gradient: usize,
  logits: usize,
  targets: usize,
  columns: i32,
  smoothing: f64,
): void {
  for (let row = from; row < to; row++) {
    const begin = <usize>row * ((<usize>columns) << 2);
    let loss: f64 = 0;
    for (let c = 0; c < columns; c++) {
      const at = begin + ((<usize>c) << 2);
      const x = <f64>load<f32>(logits + at);
      const t = <f64>load<f32>(targets + at) * (1 - smoothing) + smoothing / 2;
      const e = exp(-abs(x));
      loss += max<f64>(x, 0) - x * t + log1p(e);
      const sigmoid = (x < 0 ? e : 1) / (1 + e);
      store<f32>(gradient + at, <f32>((sigmoid - t) / <f64>columns));
    }
    store<f32>(losses + ((<usize>row) << 2), <f32>(loss / <f64>columns));
  }
}

/** d² */
export function meanSquaredError(
  _scratch: usize,
  from: i32,
  to: i32,
  losses: usize,
  gradient: usize,
  predictions: usize,
  targets: usize,
  columns: i32,
): void {
  Regression.compute(SQUARED, from, to, losses, gradient, predictions, targets, columns, 0);
}

/** |d| */
export function meanAbsoluteError(
  _scratch: usize,
  from: i32,
  to: i32,
  losses: usize,
  gradient: usize,
  predictions: usize,
  targets: usize,
  columns: i32,
): void {
  Regression.compute(ABSOLUTE, from, to, losses, gradient, predictions, targets, columns, 0);
}

/** ½d² where |d| ≤ δ, else δ|d| − ½δ² */
export function huber(
  _scratch: usize,
  from: i32,
  to: i32,
  losses: usize,
  gradient: usize,
  predictions: usize,
  targets: usize,
  columns: i32,
  delta: f64,
): void {
  Regression.compute(HUBER, from, to, losses, gradient, predictions, targets, columns, delta);
}

const SQUARED: i32 = 0;
const ABSOLUTE: i32 = 1;
const HUBER: i32 = 2;

/** The losses of d = prediction − target, and their mean over the columns. */
class Regression {
  /** @param kind a constant */
  // @ts-ignore: decorator
  @inline
  static compute(
    kind: i32,
    from: i32,
    to: i32,
    losses: usize,
    gradient: usize,
    predictions: usize,
    targets: usize,
    columns: i32,
    delta: f64,
  ): void {
    for (let row = from; row < to; row++) {
      const begin = <usize>row * ((<usize>columns) << 2);
      let loss: f64 = 0;
      for (let c = 0; c < columns; c++) {
        const at = begin + ((<usize>c) << 2);
        const d = <f64>load<f32>(predictions + at) - <f64>load<f32>(targets + at);
        loss += Regression.lossOf(kind, d, delta);
        store<f32>(gradient + at, <f32>(Regression.slopeOf(kind, d, delta) / <f64>columns));
      }
      store<f32>(losses + ((<usize>row) << 2), <f32>(loss / <f64>columns));
    }
  }

  // @ts-ignore: decorator
  @inline
  private static lossOf(kind: i32, d: f64, delta: f64): f64 {
    if (kind == SQUARED) return d * d;
    if (kind == ABSOLUTE) return abs(d);
    return abs(d) <= delta ? 0.5 * d * d : delta * abs(d) - 0.5 * delta * delta;
  }

  // @ts-ignore: decorator
  @inline
  private static slopeOf(kind: i32, d: f64, delta: f64): f64 {
    if (kind == SQUARED) return 2 * d;
    if (kind == ABSOLUTE) return signOf(d);
    return abs(d) <= delta ? d : delta * signOf(d);
  }
}

/** −1, 0 or 1; NaN for NaN */
function signOf(d: f64): f64 {
  if (d > 0) return 1;
  if (d < 0) return -1;
  return d;
}
