// Gradients of convolutions by their kernels: (patches of x)ᵀ · dY, the sum over all windows of all images.
import { copyImage } from "./copy-image";
import { MatrixRow, MATRIX_ROW_BYTES, RowWalk } from "./matrix-rows";
import { multiplyBlock, Panels, writeTails } from "./multiply";
import { packPanels } from "./pack";
import { Scratch } from "./scratch";
import { TILE_COLUMNS } from "./tile";

/**
 * x [images,height,width,channels], dY [images,outHeight,outWidth,filters] → dKernel
 * [windowHeight,windowWidth,channels,filters]. Window (i,j) begins at pixel (top + i · strideHeight, left + j · strideWidth),
 * zeros outside of the image.
 *
 * A block of the sum is `blockImages` images, or, where that is one, blockRows rows of an image's windows.
 * Parts of partRows rows by partColumns filters (a multiple of eight) of the kernel as a matrix are counted down the rows, then
 * across the columns; a range of parts goes through all images once. The scratch memory holds the table of all rows, and of a
 * block the part of the images under the windows and dY.
 */
export function convolutionKernelGradient(
  scratch: usize,
  from: i32,
  to: i32,
  x: usize,
  dy: usize,
  dKernel: usize,
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
  outHeight: i32,
  outWidth: i32,
  blockImages: i32,
  blockRows: i32,
  partRows: i32,
  partColumns: i32,
): void {
  const pixelBytes = (<usize>channels) << 2;
  const filterBytes = (<usize>filters) << 2;
  const coveredColumns = (outWidth - 1) * strideWidth + windowWidth;
  const coveredRows = (blockRows - 1) * strideHeight + windowHeight;
  const rowBytes = <usize>coveredColumns * pixelBytes;
  const copyBytes = <usize>coveredRows * rowBytes;
  const matrixRows = windowHeight * windowWidth * channels;
  const rowParts = (matrixRows + partRows - 1) / partRows;
  const firstColumn = (from / rowParts) * partColumns;
  const endColumn = min(filters, ((to - 1) / rowParts + 1) * partColumns);
  const panelBytes = (<usize>(blockImages * blockRows * outWidth * TILE_COLUMNS)) << 2;

  const memory = Scratch.at(scratch);
  const walk = RowWalk.in(memory);
  const panels = Panels.in(memory);
  const table = MatrixRow.tableIn(memory, matrixRows);
  const tails = MatrixRow.tailsIn(memory, matrixRows);
  const copies = memory.take(<usize>blockImages * copyBytes);
  const packed = memory.take(0);
  panels.set(packed, TILE_COLUMNS << 2, panelBytes);

  for (let row = 0; row < matrixRows; row++) {
    const pixel = row / channels;
    const a =
      copies +
      <usize>(pixel / windowWidth) * rowBytes +
      <usize>(pixel % windowWidth) * pixelBytes +
      ((<usize>(row % channels)) << 2);
    MatrixRow.at(table, row).set(a, dKernel + <usize>row * filterBytes, tails, row);
  }

  walk.length = outWidth;
  walk.step = <usize>strideWidth * pixelBytes;
  walk.segmentSkip = <usize>strideHeight * rowBytes - <usize>outWidth * walk.step;
  for (let image = 0; image < images; image += blockImages) {
    walk.groups = min(blockImages, images - image);
    for (let row = 0; row < outHeight; row += blockRows) {
      walk.segments = min(blockRows, outHeight - row);
      walk.groupSkip = copyBytes - <usize>(walk.segments * strideHeight) * rowBytes;
      for (let i = 0; i < walk.groups; i++) {
        copyImage(
          copies + <usize>i * copyBytes,
          x + <usize>((image + i) * height * width) * pixelBytes,
          height,
          width,
          pixelBytes,
          top + row * strideHeight,
          left,
          (walk.segments - 1) * strideHeight + windowHeight,
          coveredColumns,
        );
      }
      const dyBlock = dy + <usize>((image * outHeight + row) * outWidth) * filterBytes;
      packPanels(
        packed,
        panelBytes,
        dyBlock + ((<usize>firstColumn) << 2),
        filterBytes,
        walk.groups * walk.segments * outWidth,
        endColumn - firstColumn,
      );
      for (let part = from; part < to; part++) {
        const partRow = (part % rowParts) * partRows;
        const column = (part / rowParts) * partColumns;
        multiplyBlock(
          table + <usize>partRow * MATRIX_ROW_BYTES,
          min(partRows, matrixRows - partRow),
          walk,
          0,
          panels,
          <usize>((column - firstColumn) / TILE_COLUMNS) * panelBytes,
          min(partColumns, filters - column),
          (<usize>column) << 2,
          image + row > 0,
        );
      }
    }
  }

  for (let part = from; part < to; part++) {
    const partRow = (part % rowParts) * partRows;
    const column = (part / rowParts) * partColumns;
    writeTails(
      table + <usize>partRow * MATRIX_ROW_BYTES,
      min(partRows, matrixRows - partRow),
      min(partColumns, filters - column),
      (<usize>column) << 2,
    );
  }
}
