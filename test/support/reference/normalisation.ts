// Batch normalisation of the float64 reference. Channels are the last axis.
import { combine, type ReferenceTensor, tensorOf, zeros } from "./tensor.js";

/** By channel. */
function sumChannels(x: ReferenceTensor): ReferenceTensor {
  const channels = x.shape.at(-1)!;
  const sums = zeros([channels]);
  x.values.forEach((value, index) => (sums.values[index % channels]! += value));
  return sums;
}

function meanChannels(x: ReferenceTensor): ReferenceTensor {
  const sums = sumChannels(x);
  const count = x.values.length / sums.values.length;
  return tensorOf(
    sums.shape,
    sums.values.map((sum) => sum / count),
  );
}

export function biasGradient(dy: ReferenceTensor): ReferenceTensor {
  return sumChannels(dy);
}

export function moments(x: ReferenceTensor): ReferenceTensor[] {
  const mean = meanChannels(x);
  return [mean, meanChannels(combine(x, mean, (value, centre) => (value - centre) ** 2))];
}

function normaliseInput(
  x: ReferenceTensor,
  mean: ReferenceTensor,
  variance: ReferenceTensor,
  epsilon: number,
): ReferenceTensor {
  const centred = combine(x, mean, (value, centre) => value - centre);
  return combine(centred, variance, (value, square) => value / Math.sqrt(square + epsilon));
}

export function normalise(
  [x, mean, variance, scale, beta]: readonly ReferenceTensor[],
  epsilon: number,
): ReferenceTensor {
  const scaled = combine(
    normaliseInput(x!, mean!, variance!, epsilon),
    scale!,
    (value, factor) => value * factor,
  );
  return combine(scaled, beta!, (value, shift) => value + shift);
}

/** dY, x, mean, variance → Σ dY, Σ dY·x̂ */
export function batchNormSums(
  [dy, x, mean, variance]: readonly ReferenceTensor[],
  epsilon: number,
): [ReferenceTensor, ReferenceTensor] {
  const normalised = normaliseInput(x!, mean!, variance!, epsilon);
  return [sumChannels(dy!), sumChannels(combine(dy!, normalised, (a, b) => a * b))];
}

/** dY, x, mean, variance, scale, mean of dY, mean of dY·x̂ → dX */
export function batchNormInputGradient(
  [dy, x, mean, variance, scale, meanDy, meanDyNormalised]: readonly ReferenceTensor[],
  epsilon: number,
): ReferenceTensor {
  const normalised = normaliseInput(x!, mean!, variance!, epsilon);
  const projection = combine(normalised, meanDyNormalised!, (a, b) => a * b);
  const centred = combine(dy!, meanDy!, (a, b) => a - b);
  const factor = combine(scale!, variance!, (value, square) => value / Math.sqrt(square + epsilon));
  return combine(
    combine(centred, projection, (a, b) => a - b),
    factor,
    (a, b) => a * b,
  );
}

/** dY, x, mean, variance, scale → dX, dScale, dBeta */
export function batchNormGradient(
  inputs: readonly ReferenceTensor[],
  epsilon: number,
): ReferenceTensor[] {
  const [dBeta, dScale] = batchNormSums(inputs, epsilon);
  const count = inputs[1]!.values.length / dBeta.values.length;
  const means = [dBeta, dScale].map(({ shape, values }) =>
    tensorOf(
      shape,
      values.map((sum) => sum / count),
    ),
  );
  return [batchNormInputGradient([...inputs, ...means], epsilon), dScale, dBeta];
}
