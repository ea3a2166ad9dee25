// Two answers are the same where every bit of them is: what `--verify` compares.
import { createHash } from "node:crypto";
import type { Moments } from "../../shared/statistics/moments.js";
import type { Answer } from "./tasks.js";

export function answerDigest(answer: Answer): string {
  const hash = createHash("sha256");
  const add = (values: ArrayBufferView) =>
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  if (answer.kind === "evaluate") {
    add(Float64Array.of(answer.result.lossSum));
    add(answer.result.predictions);
    return hash.digest("hex");
  }
  const addMoments = (moments: ReadonlyMap<string, Moments>) => {
    for (const { mean, variance } of byName(moments)) {
      add(Float32Array.from(mean));
      add(Float32Array.from(variance));
    }
  };
  if (answer.kind === "moments") {
    addMoments(answer.result);
    return hash.digest("hex");
  }
  const { loss, gradients, moments } = answer.result;
  add(Float64Array.of(loss));
  for (const gradient of byName(gradients)) {
    if (gradient.form === "dense") {
      add(gradient.values);
    } else {
      for (const { inputs, outputs } of gradient.shards) {
        add(inputs);
        add(outputs);
      }
    }
  }
  addMoments(moments);
  return hash.digest("hex");
}

/** In the order of their names: a result that came over the wire names its tensors in another order than one made here. */
function byName<T>(values: ReadonlyMap<string, T>): T[] {
  return [...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
