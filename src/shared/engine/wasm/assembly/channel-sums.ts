// Sums over all axes but the last, in float64: moments and the gradients of biases, scales and betas. Rows are added in blocks,
// whose size depends on the number of channels (lower-channels.ts). A part computes the sums of a block; these are then added in
// order. Partial sums are float64 [block][sum][stride]; `stride` is the number of channels rounded up to a multiple of 4.

/** Float64 sums of four channels. */
class Sums {
  @inline
  static low(x: v128): v128 {
    return f64x2.promote_low_f32x4(x);
  }

  @inline
  static high(x: v128): v128 {
    return f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 1));
  }

  @inline
  static store(at: usize, low: v128, high: v128): void {
    v128.store(at, low);
    v128.store(at + 16, high);
  }
}

function strideOf(channels: i32): i32 {
  return (channels + 3) & ~3;
}

/** Σ x of each block. */
export function addChannels(
  _scratch: usize,
  from: i32,
  to: i32,
  partial: usize,
  x: usize,
  rows: i32,
  channels: i32,
  blockRows: i32,
): void {
  const rowBytes = (<usize>channels) << 2;
  const stride = strideOf(channels);
  for (let block = from; block < to; block++) {
    const begin = x + <usize>block * blockRows * rowBytes;
    const count = min(blockRows, rows - block * blockRows);
    const sums = partial + ((<usize>block * stride) << 3);
    for (let c = 0; c < channels; c += 4) {
      let at = begin + ((<usize>c) << 2);
      let low = f64x2.splat(0);
      let high = f64x2.splat(0);
      for (let row = 0; row < count; row++) {
        const value = v128.load(at);
        low = f64x2.add(low, Sums.low(value));
        high = f64x2.add(high, Sums.high(value));
        at += rowBytes;
      }
      Sums.store(sums + ((<usize>c) << 3), low, high);
    }
  }
}

/**
 * Σ d and Σ d² of each block, d = x − x₀, where x₀ is the channel's first value: if the values are close to each other, d is exact
 * in float64, and its squares hardly cancel.
 */
export function addChannelMoments(
  _scratch: usize,
  from: i32,
  to: i32,
  partial: usize,
  x: usize,
  rows: i32,
  channels: i32,
  blockRows: i32,
): void {
  const rowBytes = (<usize>channels) << 2;
  const stride = strideOf(channels);
  for (let block = from; block < to; block++) {
    const begin = x + <usize>block * blockRows * rowBytes;
    const count = min(blockRows, rows - block * blockRows);
    const sums = partial + ((<usize>block * stride) << 4);
    for (let c = 0; c < channels; c += 4) {
      const first = v128.load(x + ((<usize>c) << 2));
      const lowFirst = Sums.low(first);
      const highFirst = Sums.high(first);
      let at = begin + ((<usize>c) << 2);
      let low = f64x2.splat(0);
      let high = f64x2.splat(0);
      let lowSquares = f64x2.splat(0);
      let highSquares = f64x2.splat(0);
      for (let row = 0; row < count; row++) {
        const value = v128.load(at);
        const lowDifference = f64x2.sub(Sums.low(value), lowFirst);
        const highDifference = f64x2.sub(Sums.high(value), highFirst);
        low = f64x2.add(low, lowDifference);
        high = f64x2.add(high, highDifference);
        lowSquares = f64x2.add(lowSquares, f64x2.mul(lowDifference, lowDifference));
        highSquares = f64x2.add(highSquares, f64x2.mul(highDifference, highDifference));
        at += rowBytes;
      }
      const target = sums + ((<usize>c) << 3);
      Sums.store(target, low, high);
      Sums.store(target + ((<usize>stride) << 3), lowSquares, highSquares);
    }
  }
}

/** Σ dy and Σ dy·(x − mean) of each block. */
export function addChannelGradients(
  _scratch: usize,
  from: i32,
  to: i32,
  partial: usize,
  dy: usize,
  x: usize,
  mean: usize,
  rows: i32,
  channels: i32,
  blockRows: i32,
): void {
  const rowBytes = (<usize>channels) << 2;
  const stride = strideOf(channels);
  for (let block = from; block < to; block++) {
    const begin = <usize>block * blockRows * rowBytes;
    const count = min(blockRows, rows - block * blockRows);
    const sums = partial + ((<usize>block * stride) << 4);
    for (let c = 0; c < channels; c += 4) {
      const means = v128.load(mean + ((<usize>c) << 2));
      const lowMean = Sums.low(means);
      const highMean = Sums.high(means);
      let at = begin + ((<usize>c) << 2);
      let low = f64x2.splat(0);
      let high = f64x2.splat(0);
      let lowProducts = f64x2.splat(0);
      let highProducts = f64x2.splat(0);
      for (let row = 0; row < count; row++) {
        const gradient = v128.load(dy + at);
        const value = v128.load(x + at);
        const lowGradient = Sums.low(gradient);
        const highGradient = Sums.high(gradient);
        low = f64x2.add(low, lowGradient);
        high = f64x2.add(high, highGradient);
        const lowCentred = f64x2.sub(Sums.low(value), lowMean);
        const highCentred = f64x2.sub(Sums.high(value), highMean);
        lowProducts = f64x2.add(lowProducts, f64x2.mul(lowGradient, lowCentred));
        highProducts = f64x2.add(highProducts, f64x2.mul(highGradient, highCentred));
        at += rowBytes;
      }
      const target = sums + ((<usize>c) << 3);
      Sums.store(target, low, high);
      Sums.store(target + ((<usize>stride) << 3), lowProducts, highProducts);
    }
  }
}

/** Adds the blocks' sums of one channel. @param sums number of sums per block */
function addBlocks(
  partial: usize,
  blocks: i32,
  channels: i32,
  sums: i32,
  sum: i32,
  channel: i32,
): f64 {
  const stride = strideOf(channels);
  const step = (<usize>stride * sums) << 3;
  let at = partial + ((<usize>(stride * sum + channel)) << 3);
  let total: f64 = 0;
  for (let block = 0; block < blocks; block++) {
    total += load<f64>(at);
    at += step;
  }
  return total;
}

/** A part is a channel, here and in the following kernels. */
export function finishSums(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  partial: usize,
  blocks: i32,
  channels: i32,
): void {
  for (let c = from; c < to; c++) {
    store<f32>(out + ((<usize>c) << 2), <f32>addBlocks(partial, blocks, channels, 1, 0, c));
  }
}

export function finishMoments(
  _scratch: usize,
  from: i32,
  to: i32,
  mean: usize,
  variance: usize,
  partial: usize,
  x: usize,
  rows: i32,
  blocks: i32,
  channels: i32,
): void {
  for (let c = from; c < to; c++) {
    const offset = (<usize>c) << 2;
    const difference = addBlocks(partial, blocks, channels, 2, 0, c) / <f64>rows;
    const square = addBlocks(partial, blocks, channels, 2, 1, c) / <f64>rows;
    store<f32>(mean + offset, <f32>(<f64>load<f32>(x + offset) + difference));
    store<f32>(variance + offset, <f32>max<f64>(square - difference * difference, 0));
  }
}

/** sumDy = Σ dy, sumDyNormalised = Σ dy·(x − mean)/√(variance + ε) */
export function finishGradients(
  _scratch: usize,
  from: i32,
  to: i32,
  sumDy: usize,
  sumDyNormalised: usize,
  partial: usize,
  variance: usize,
  blocks: i32,
  channels: i32,
  epsilon: f64,
): void {
  for (let c = from; c < to; c++) {
    const offset = (<usize>c) << 2;
    const deviation = sqrt<f64>(<f64>load<f32>(variance + offset) + epsilon);
    const product = addBlocks(partial, blocks, channels, 2, 1, c) / deviation;
    store<f32>(sumDy + offset, <f32>addBlocks(partial, blocks, channels, 2, 0, c));
    store<f32>(sumDyNormalised + offset, <f32>product);
  }
}
