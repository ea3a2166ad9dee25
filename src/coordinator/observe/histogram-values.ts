// Values of weights, population statistics and gradients for histograms. Large tensors are sampled at regular intervals: 16,384
// values show the shape of a distribution as well as three million do.
import type { Gradient, Update } from "../../shared/replica/tensors.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";

const MAX_VALUES = 16_384;

export interface HistogramValues {
  name: string;
  values: Float32Array;
}

/** @param replica with the weights for which the update's gradients were computed */
export function histogramValues(replica: TrainingReplica, update: Update): HistogramValues[] {
  const weights = replica
    .snapshot("weights-only")
    .map(({ name, values }) => ({ name, values: sampleValues(values) }));
  const gradients = [...update.gradients].map(([name, gradient]) => ({
    name: `gradients/${name}`,
    values: sampleGradient(gradient),
  }));
  return [...weights, ...gradients];
}

function sampleValues(values: Float32Array): Float32Array {
  const stride = Math.max(1, Math.ceil(values.length / MAX_VALUES));
  const count = Math.ceil(values.length / stride);
  return Float32Array.from({ length: count }, (_, index) => values[index * stride]!);
}

/** Of a factored gradient only some rows are computed. */
function sampleGradient(gradient: Gradient): Float32Array {
  if (gradient.form === "dense") return sampleValues(gradient.values);
  const [first] = gradient.shards;
  if (!first) return new Float32Array(0);
  const inputCount = first.inputs.length / first.rows;
  const outputCount = first.outputs.length / first.rows;
  const rowCount = Math.max(1, Math.min(inputCount, Math.floor(MAX_VALUES / outputCount)));
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
