// Copies the part of an image that windows cover, with zeros outside of the image.

/**
 * Copies `rows` by `columns` pixels, the first of which is at (top, left) of the image, which may lie outside of it.
 * @param image height × width pixels of pixelBytes, a multiple of four
 */
export function copyImage(
  target: usize,
  image: usize,
  height: i32,
  width: i32,
  pixelBytes: usize,
  top: i32,
  left: i32,
  rows: i32,
  columns: i32,
): void {
  const rowBytes = <usize>columns * pixelBytes;
  const firstColumn = min(max(0, -left), columns);
  const endColumn = max(firstColumn, min(columns, width - left));
  const before = <usize>firstColumn * pixelBytes;
  const inside = <usize>(endColumn - firstColumn) * pixelBytes;
  for (let row = top; row < top + rows; row++) {
    if (row < 0 || row >= height) {
      fillZeros(target, rowBytes);
    } else {
      const source = image + <usize>(row * width + left + firstColumn) * pixelBytes;
      fillZeros(target, before);
      copyFloats(target + before, source, inside);
      fillZeros(target + before + inside, rowBytes - before - inside);
    }
    target += rowBytes;
  }
}

export function fillZeros(target: usize, byteLength: usize): void {
  const end = target + byteLength;
  for (; target + 16 <= end; target += 16) v128.store(target, f32x4.splat(0));
  for (; target < end; target += 4) store<f32>(target, 0);
}

function copyFloats(target: usize, source: usize, byteLength: usize): void {
  const end = target + byteLength;
  for (; target + 16 <= end; target += 16, source += 16) v128.store(target, v128.load(source));
  for (; target < end; target += 4, source += 4) store<f32>(target, load<f32>(source));
}
