// Concatenates arrays. Pure.

/** A single array is returned without a copy. */
export function concatFloats(arrays: readonly Float32Array[]): Float32Array {
  const [first] = arrays;
  if (first && arrays.length === 1) return first;
  const all = new Float32Array(arrays.reduce((total, { length }) => total + length, 0));
  let offset = 0;
  for (const array of arrays) {
    all.set(array, offset);
    offset += array.length;
  }
  return all;
}
