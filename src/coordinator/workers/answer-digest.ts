// A digest of every bit of an answer, which `--verify` compares.
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

/** Sorted by name: a result received from a worker lists its tensors in another order than one computed here. */
function byName<T>(values: ReadonlyMap<string, T>): T[] {
  return [...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
