// The digest of a data set: SHA-256 over the IDX files that it would be, whatever it is stored as. The same samples have the same
// digest as IDX, NPY or NPZ, and MNIST's is the SHA-256 of its four unpacked files.
//
// Inputs, then targets, of the training samples (those held out included), then of the test samples where the data has its own.
// A last side of 1 is left out. Bytes are IDX's unsigned bytes, float32 its floats, class numbers unsigned bytes where no class
// is above 255, else 32-bit integers. Pure.
import { createHash } from "node:crypto";
import { idxHeader } from "./idx.js";
import { swapBytes } from "./value-type.js";

const MAX_BYTE_CLASSES = 256;

export class DataDigest {
  private readonly hash = createHash("sha256");

  /** Before the values of an array. @param shape of the array, the number of samples first */
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

  /** Class numbers, all of an array. */
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
