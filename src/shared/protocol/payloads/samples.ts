// The parts of `shard` and `evaluate`: inputs, one byte or float32 per value; then targets, an int32 class number per sample or
// its float32 values. Pure.
import type { SampleShape, Samples } from "../../data/samples.js";
import { sizeOf } from "../../network/network.js";
import { isAllFinite } from "../../replica/finite.js";
import { FrameError } from "../frame.js";
import { PartReader } from "./part-reader.js";

export function sampleParts({ inputs, targets }: Samples): ArrayBufferView[] {
  return [inputs, targets];
}

/** @throws FrameError if the parts are not `count` samples of this shape */
export function readSamples(
  { inputShape, inputType, target }: SampleShape,
  count: number,
  parts: readonly Uint8Array[],
): Samples {
  const reader = new PartReader(parts);
  const inputCount = count * sizeOf(inputShape);
  const inputs =
    inputType === "uint8"
      ? reader.bytes(inputCount, "inputs")
      : reader.floats(inputCount, "inputs");
  const targets =
    target.kind === "classes"
      ? reader.integers(count, "targets")
      : reader.floats(count * target.count, "targets");
  reader.end();
  if (inputs instanceof Float32Array && !isAllFinite(inputs)) {
    throw new FrameError("an input is not finite");
  }
  if (targets instanceof Float32Array) {
    if (!isAllFinite(targets)) throw new FrameError("a target is not finite");
  } else if (targets.some((label) => label < 0 || label >= target.count)) {
    throw new FrameError("a label does not exist");
  }
  return { count, inputs, targets };
}

/** Bytes of the parts. */
export function sampleBytes({ inputShape, inputType, target }: SampleShape, count: number): number {
  const inputBytes = sizeOf(inputShape) * (inputType === "uint8" ? 1 : 4);
  return count * (inputBytes + 4 * (target.kind === "classes" ? 1 : target.count));
}
