// Kernels that apply the same function to all values of a channel: biases, and batch normalisation with known moments. Tensors are
// rows of channels; a part is `partRows` rows. What is constant within a channel is computed first, in float64, by kernels whose
// parts are channels.

/** out = x + bias */
export function addBias(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  x: usize,
  bias: usize,
  rows: i32,
  channels: i32,
  partRows: i32,
): void {
  const end = min(to * partRows, rows);
  let at = <usize>(from * partRows) * ((<usize>channels) << 2);
  for (let row = from * partRows; row < end; row++) {
    let c: usize = 0;
    for (; c + 16 <= (<usize>channels) << 2; c += 16) {
      v128.store(out + at, f32x4.add(v128.load(x + at), v128.load(bias + c)));
      at += 16;
    }
    for (; c < (<usize>channels) << 2; c += 4) {
      store<f32>(out + at, load<f32>(x + at) + load<f32>(bias + c));
      at += 4;
    }
  }
}

/** factor = scale/√(variance + ε) */
export function normalisationFactors(
  _scratch: usize,
  from: i32,
  to: i32,
  factor: usize,
  variance: usize,
  scale: usize,
  epsilon: f64,
): void {
  for (let c = (<usize>from) << 2; c < (<usize>to) << 2; c += 4) {
    const deviation = sqrt<f64>(<f64>load<f32>(variance + c) + epsilon);
    store<f32>(factor + c, <f32>(<f64>load<f32>(scale + c) / deviation));
  }
}

/** out = (x − mean) · factor + beta */
export function normalise(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  x: usize,
  mean: usize,
  factor: usize,
  beta: usize,
  rows: i32,
  channels: i32,
  partRows: i32,
): void {
  const end = min(to * partRows, rows);
  let at = <usize>(from * partRows) * ((<usize>channels) << 2);
  for (let row = from * partRows; row < end; row++) {
    let c: usize = 0;
    for (; c + 16 <= (<usize>channels) << 2; c += 16) {
      const centred = f32x4.sub(v128.load(x + at), v128.load(mean + c));
      const scaled = f32x4.mul(centred, v128.load(factor + c));
      v128.store(out + at, f32x4.add(scaled, v128.load(beta + c)));
      at += 16;
    }
    for (; c < (<usize>channels) << 2; c += 4) {
      const centred = load<f32>(x + at) - load<f32>(mean + c);
      store<f32>(out + at, centred * load<f32>(factor + c) + load<f32>(beta + c));
      at += 4;
    }
  }
}

/**
 * What `normalisationGradient` needs per channel: factor = scale/√(variance + ε), meanDy = sumDy/count,
 * slope = sumDyNormalised/count/√(variance + ε).
 */
export function gradientFactors(
  _scratch: usize,
  from: i32,
  to: i32,
  factor: usize,
  meanDy: usize,
  slope: usize,
  variance: usize,
  scale: usize,
  sumDy: usize,
  sumDyNormalised: usize,
  count: f64,
  epsilon: f64,
): void {
  for (let c = (<usize>from) << 2; c < (<usize>to) << 2; c += 4) {
    const deviation = sqrt<f64>(<f64>load<f32>(variance + c) + epsilon);
    store<f32>(factor + c, <f32>(<f64>load<f32>(scale + c) / deviation));
    store<f32>(meanDy + c, <f32>(<f64>load<f32>(sumDy + c) / count));
    store<f32>(slope + c, <f32>(<f64>load<f32>(sumDyNormalised + c) / count / deviation));
  }
}

/** out = factor · ((dy − meanDy) − (x − mean) · slope) */
export function normalisationGradient(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  dy: usize,
  x: usize,
  mean: usize,
  factor: usize,
  meanDy: usize,
  slope: usize,
  rows: i32,
  channels: i32,
  partRows: i32,
): void {
  const end = min(to * partRows, rows);
  let at = <usize>(from * partRows) * ((<usize>channels) << 2);
  for (let row = from * partRows; row < end; row++) {
    let c: usize = 0;
    for (; c + 16 <= (<usize>channels) << 2; c += 16) {
      const gradient = f32x4.sub(v128.load(dy + at), v128.load(meanDy + c));
      const centred = f32x4.sub(v128.load(x + at), v128.load(mean + c));
      const projection = f32x4.mul(centred, v128.load(slope + c));
      const difference = f32x4.sub(gradient, projection);
      v128.store(out + at, f32x4.mul(difference, v128.load(factor + c)));
      at += 16;
    }
    for (; c < (<usize>channels) << 2; c += 4) {
      const gradient = load<f32>(dy + at) - load<f32>(meanDy + c);
      const projection = (load<f32>(x + at) - load<f32>(mean + c)) * load<f32>(slope + c);
      store<f32>(out + at, (gradient - projection) * load<f32>(factor + c));
      at += 4;
    }
  }
}
