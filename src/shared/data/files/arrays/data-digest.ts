// The digest of a data set: SHA-256 of the data as IDX files, whatever format it is stored in. So the same samples have the same
// digest as IDX, NPY or NPZ, and MNIST's is the SHA-256 of its four unpacked files.
//
// It covers inputs, then targets, of the training samples (including those held out), then of the test samples if the data has a
// test set. A last side of 1 is omitted. Bytes are IDX's unsigned bytes, float32 its floats, class numbers unsigned bytes if all are
// below 256, else 32-bit integers. Pure.
import { createHash } from "node:crypto";
import { idxHeader } from "./idx.js";
import { swapBytes } from "./value-type.js";

const MAX_BYTE_CLASSES = 256;

export class DataDigest {
  private readonly hash = createHash("sha256");

  /** Starts an array; its values follow. @param shape of the array, with the number of samples first */
  begin(type: "uint8" | "int32" | "float32", shape: readonly number[]): void {
    this.hash.update(idxHeader(type, withoutLastOne(shape)));
  }

  add(values: Uint8Array | Int32Array | Float32Array): void {
    if (values instanceof Uint8Array) {
      this.hash.update(values);
      return;
    }
    // IDX is big-endian.
    const { buffer, byteOffset, byteLength } = values;
    const bytes = new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength));
    swapBytes(bytes, values.BYTES_PER_ELEMENT);
    this.hash.update(bytes);
  }

  /** Adds a complete array of class numbers. */
  addLabels(labels: Int32Array, classCount: number): void {
    const isByte = classCount <= MAX_BYTE_CLASSES;
    this.begin(isByte ? "uint8" : "int32", [labels.length]);
    this.add(isByte ? Uint8Array.from(labels) : labels);
  }

  toHex(): string {
    return this.hash.digest("hex");
  }
}

function withoutLastOne(shape: readonly number[]): readonly number[] {
  return shape.length > 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
}
