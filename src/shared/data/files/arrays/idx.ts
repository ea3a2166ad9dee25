// IDX, the format of MNIST's files: two zeros, the type of the values, the number of sides, the sides, then the values, all
// big-endian. Source: Yann LeCun's page "The MNIST database of handwritten digits", section "File formats". Pure.
import { type ArrayHeader, damagedArray, MAX_SIDES } from "./array-header.js";
import { type ValueType, typeName } from "./value-type.js";

const TYPES: Readonly<Record<number, ValueType>> = {
  0x08: { kind: "u", byteLength: 1, isBigEndian: true },
  0x09: { kind: "i", byteLength: 1, isBigEndian: true },
  0x0b: { kind: "i", byteLength: 2, isBigEndian: true },
  0x0c: { kind: "i", byteLength: 4, isBigEndian: true },
  0x0d: { kind: "f", byteLength: 4, isBigEndian: true },
  0x0e: { kind: "f", byteLength: 8, isBigEndian: true },
};

/** The longest header that is read. */
export const IDX_HEADER_BYTES = 4 + 4 * MAX_SIDES;

export function isIdx(beginning: Uint8Array): boolean {
  return beginning[0] === 0 && beginning[1] === 0 && beginning[2]! in TYPES;
}

/**
 * @param beginning the first `IDX_HEADER_BYTES` of the file, or all of it
 * @throws TandemError `data-file-damaged` if the magic number or the sides are invalid
 */
export function parseIdxHeader(file: string, beginning: Uint8Array): ArrayHeader {
  const view = new DataView(beginning.buffer, beginning.byteOffset, beginning.byteLength);
  if (view.byteLength < 4) throw damagedArray(file, `cut short: ${view.byteLength} bytes`);
  const type = TYPES[view.getUint8(2)];
  const sideCount = view.getUint8(3);
  if (view.getUint16(0) !== 0 || !type) {
    const magic = view.getUint32(0).toString(16).padStart(8, "0");
    throw damagedArray(file, `not an IDX file: magic number 0x${magic}`);
  }
  if (sideCount < 1 || sideCount > MAX_SIDES) {
    throw damagedArray(
      file,
      `an IDX file with ${sideCount} sides; 1 to ${MAX_SIDES} are supported`,
    );
  }
  const byteOffset = 4 + 4 * sideCount;
  if (view.byteLength < byteOffset) {
    throw damagedArray(
      file,
      `cut short: ${view.byteLength} bytes, but the header alone has ${byteOffset}`,
    );
  }
  const shape = Array.from({ length: sideCount }, (_, side) => view.getUint32(4 + 4 * side));
  return { type, shape, byteOffset };
}

/** Encodes the header of an IDX file. @param shape up to four sides, each below 2³² */
export function idxHeader(
  type: "uint8" | "int32" | "float32",
  shape: readonly number[],
): Uint8Array {
  const code = Object.keys(TYPES).find((each) => typeName(TYPES[Number(each)]!) === type);
  const view = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  view.setUint8(2, Number(code));
  view.setUint8(3, shape.length);
  shape.forEach((side, index) => view.setUint32(4 + 4 * index, side));
  return new Uint8Array(view.buffer);
}
