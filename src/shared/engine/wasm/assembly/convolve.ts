// Convolutions, and the gradients of their inputs, which are convolutions of dY with the turned kernel. The patches of an image
// are rows of a matrix that is addressed and not written out; only the zeros around an image make a copy of it necessary.
import { copyImage, fillZeros } from "./copy-image";
import { MatrixRow, RowWalk } from "./matrix-rows";
import { balance, BLOCK_TERMS, multiplyBlock, Panels, writeTails } from "./multiply";
import { Scratch } from "./scratch";
import { TILE_COLUMNS } from "./tile";

/**
 * Places windows on the images x [images,height,width,channels] and writes the window's product with the kernel to
 * y [images,yHeight,yWidth,filters]. Window (i,j) of gridHeight × gridWidth begins at pixel
 * (top + i · strideHeight, left + j · strideWidth) of the image, zeros outside, and its result is the pixel
 * (yTop + i · yStrideHeight, yLeft + j · yStrideWidth).
 *
 * @param panels the kernel [windowHeight · windowWidth · channels, filters] in panels of eight columns
 *
 * A part is `partImages` images with all their windows, or, where that is one, partRows rows of windows of an image.
 * The scratch memory holds the table of a part's windows and the part of the images under them.
 */
export function convolve(
  scratch: usize,
  from: i32,
  to: i32,
  x: usize,
  panels: usize,
  y: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  filters: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
  gridHeight: i32,
  gridWidth: i32,
  yHeight: i32,
  yWidth: i32,
  yTop: i32,
  yLeft: i32,
  yStrideHeight: i32,
  yStrideWidth: i32,
  partImages: i32,
  partRows: i32,
): void {
  const pixelBytes = (<usize>channels) << 2;
  const yPixelBytes = (<usize>filters) << 2;
  const imageBytes = <usize>(height * width) * pixelBytes;
  const rowTerms = windowWidth * channels;
  const isInside =
    top >= 0 &&
    left >= 0 &&
    top + (gridHeight - 1) * strideHeight + windowHeight <= height &&
    left + (gridWidth - 1) * strideWidth + windowWidth <= width;
  const coveredColumns = isInside ? width : (gridWidth - 1) * strideWidth + windowWidth;
  const rowBytes = <usize>coveredColumns * pixelBytes;

  const memory = Scratch.at(scratch);
  const walk = RowWalk.in(memory);
  const b = Panels.in(memory);
  const table = MatrixRow.tableIn(memory, partImages * partRows * gridWidth);
  const tails = MatrixRow.tailsIn(memory, partImages * partRows * gridWidth);
  const copies = memory.take(0);
  b.set(panels, TILE_COLUMNS << 2, (<usize>(windowHeight * rowTerms * TILE_COLUMNS)) << 2);
  walk.groups = 1;
  walk.step = 4;

  const bands = (gridHeight + partRows - 1) / partRows;
  for (let part = from; part < to; part++) {
    const firstImage = (part / bands) * partImages;
    const endImage = min(images, firstImage + partImages);
    const firstRow = (part % bands) * partRows;
    const endRow = min(gridHeight, firstRow + partRows);
    const coveredTop = top + firstRow * strideHeight;
    const coveredRows = (endRow - firstRow - 1) * strideHeight + windowHeight;

    let rows = 0;
    let copy = copies;
    for (let image = firstImage; image < endImage; image++) {
      const source = x + <usize>image * imageBytes;
      let corner: usize;
      if (isInside) {
        corner = source + <usize>(coveredTop * width + left) * pixelBytes;
      } else {
        corner = copy;
        // prettier-ignore
        copyImage(copy, source, height, width, pixelBytes, coveredTop, left, coveredRows, coveredColumns);
        copy += <usize>coveredRows * rowBytes;
      }
      for (let row = firstRow; row < endRow; row++) {
        let a = corner + <usize>((row - firstRow) * strideHeight) * rowBytes;
        const yRow = (image * yHeight + yTop + row * yStrideHeight) * yWidth + yLeft;
        let c = y + <usize>yRow * yPixelBytes;
        for (let column = 0; column < gridWidth; column++) {
          MatrixRow.at(table, rows).set(a, c, tails, rows);
          a += <usize>strideWidth * pixelBytes;
          c += <usize>yStrideWidth * yPixelBytes;
          rows++;
        }
      }
    }

    // A block is some rows of the window, or a part of one row.
    const blockRows = balance(windowHeight, max(1, BLOCK_TERMS / rowTerms));
    const blockTerms = balance(rowTerms, BLOCK_TERMS);
    for (let row = 0; row < windowHeight; row += blockRows) {
      for (let term = 0; term < rowTerms; term += blockTerms) {
        walk.segments = min(blockRows, windowHeight - row);
        walk.length = min(blockTerms, rowTerms - term);
        walk.segmentSkip = rowBytes - ((<usize>walk.length) << 2);
        const aOffset = <usize>row * rowBytes + ((<usize>term) << 2);
        const bOffset = (<usize>((row * rowTerms + term) * TILE_COLUMNS)) << 2;
        multiplyBlock(table, rows, walk, aOffset, b, bOffset, filters, 0, row + term > 0);
      }
    }
    writeTails(table, rows, filters, 0);
  }
}

/** Zeros in the pixels that convolve would write. A part is an image. */
export function clearGrid(
  _scratch: usize,
  from: i32,
  to: i32,
  y: usize,
  filters: i32,
  gridHeight: i32,
  gridWidth: i32,
  yHeight: i32,
  yWidth: i32,
  yTop: i32,
  yLeft: i32,
  yStrideHeight: i32,
  yStrideWidth: i32,
): void {
  const pixelBytes = (<usize>filters) << 2;
  for (let image = from; image < to; image++) {
    for (let row = 0; row < gridHeight; row++) {
      for (let column = 0; column < gridWidth; column++) {
        const yRow = image * yHeight + yTop + row * yStrideHeight;
        const pixel = yRow * yWidth + yLeft + column * yStrideWidth;
        fillZeros(y + <usize>pixel * pixelBytes, pixelBytes);
      }
    }
  }
}
