// Arrays inside JSON: base64 of their little-endian bytes. Pure.

export function packFloats(values: ArrayLike<number>): string {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let index = 0; index < values.length; index++) {
    view.setFloat32(4 * index, values[index]!, true);
  }
  return packBytes(new Uint8Array(view.buffer));
}

export function packBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** Up to `maxCount` entries, evenly spaced. */
export function sampleEvenly<T>(entries: readonly T[], maxCount: number): T[] {
  const count = Math.min(entries.length, maxCount);
  return Array.from({ length: count }, (_, index) => {
    return entries[Math.floor((index * entries.length) / count)]!;
  });
}
