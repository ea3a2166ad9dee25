// Predicts single samples that the page or a program sends, with the weights of a run in progress.
import type { Samples } from "../../../shared/data/samples.js";
import { sizeOf } from "../../../shared/network/network.js";
import { predictSamples } from "../../../shared/replica/inference.js";
import type { Replica } from "../../../shared/replica/replica.js";
import type { Predictor } from "./dashboard.js";

const FLOAT_BYTES = 4;

/** Samples consist of bytes or, if the run's inputs are float32, of little-endian float32 values. */
export function createPredictor(replica: Replica): Predictor {
  const { network, config } = replica.layout;
  const { inputType, target } = config.data;
  const valueCount = sizeOf(network.inputShape);
  return {
    byteLength: inputType === "uint8" ? valueCount : FLOAT_BYTES * valueCount,
    predict: (sample) => {
      const inputs = inputType === "uint8" ? sample : readFloats(sample);
      const outputs = [...predictSamples(replica, sampleOf(inputs, target.count))];
      const { step } = replica;
      if (target.kind === "values") return { step, outputs };
      // One logit stands for two classes.
      const [p = 0] = outputs;
      return { step, probabilities: outputs.length === 1 ? [1 - p, p] : outputs };
    },
  };
}

/** The targets are zeros: inference ignores them. */
function sampleOf(inputs: Samples["inputs"], targetCount: number): Samples {
  return { count: 1, inputs, targets: new Float32Array(targetCount) };
}

function readFloats(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength / FLOAT_BYTES;
  return Float32Array.from({ length }, (_, index) => view.getFloat32(FLOAT_BYTES * index, true));
}
