// Copies parts of tensors, for concatenation, slices and borders.

/** Writes zeros. A part is 4 KiB (FILL_PART in lower-copies.ts). */
export function fillZeros(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  byteLength: usize,
): void {
  const begin = <usize>from * 4096;
  memory.fill(out + begin, 0, min(<usize>to * 4096, byteLength) - begin);
}

/**
 * Copies blocks of `blockBytes`, in groups of `inner` blocks; distances are in bytes. A part is a block.
 */
export function copyBlocks(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  outOuter: usize,
  outInner: usize,
  x: usize,
  xOuter: usize,
  xInner: usize,
  inner: i32,
  blockBytes: usize,
): void {
  for (let part = from; part < to; part++) {
    const place = <usize>(part / inner);
    const index = <usize>(part % inner);
    const target = out + place * outOuter + index * outInner;
    const source = x + place * xOuter + index * xInner;
    if (blockBytes > 128) {
      memory.copy(target, source, blockBytes);
    } else {
      for (let at: usize = 0; at < blockBytes; at += 4) {
        store<u32>(target + at, load<u32>(source + at));
      }
    }
  }
}
