// How weights, gradients and population statistics are spread, for histograms: of large tensors a regular sample, as 16,384
// values show the shape of a distribution as well as three million do.
import type { Replica } from "../shared/model/replica.js";
import type { Gradient, Update } from "../shared/model/values.js";

const MOST_VALUES = 16_384;

export interface Spread {
  name: string;
  values: Float32Array;
}

/** @param replica with the weights that the update's gradients were taken at */
export function spreadOf(replica: Replica, update: Update): Spread[] {
  const weights = replica
    .snapshot("weights-only")
    .map(({ name, values }) => ({ name, values: sampled(values) }));
  const gradients = [...update.gradients].map(([name, gradient]) => ({
    name: `gradients/${name}`,
    values: gradientSample(gradient),
  }));
  return [...weights, ...gradients];
}

function sampled(values: Float32Array): Float32Array {
  const stride = Math.ceil(values.length / MOST_VALUES);
  const count = Math.ceil(values.length / stride);
  return Float32Array.from({ length: count }, (_, index) => values[index * stride]!);
}

/** Of a gradient that is carried as factors, some of its rows. */
function gradientSample(gradient: Gradient): Float32Array {
  if (gradient.form === "dense") return sampled(gradient.values);
  const [first] = gradient.shards;
  if (!first) return new Float32Array(0);
  const inputCount = first.inputs.length / first.rows;
  const outputCount = first.outputs.length / first.rows;
  const rowCount = Math.max(1, Math.min(inputCount, Math.floor(MOST_VALUES / outputCount)));
  const sample = new Float32Array(rowCount * outputCount);
  for (let row = 0; row < rowCount; row++) {
    const input = Math.floor((row * inputCount) / rowCount);
    for (const { rows, inputs, outputs } of gradient.shards) {
      for (let n = 0; n < rows; n++) {
        const x = inputs[n * inputCount + input]!;
        if (x === 0) continue;
        for (let output = 0; output < outputCount; output++) {
          sample[row * outputCount + output]! += x * outputs[n * outputCount + output]!;
        }
      }
    }
  }
  return sample;
}
