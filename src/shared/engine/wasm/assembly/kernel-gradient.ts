// Gradients of convolutions with respect to their kernels: (patches of x)ᵀ · dY, a sum over all windows of all images. If x has few
// channels, the rows of the matrix are complete patches, and zeros around the images make them equally long. Otherwise each pixel of
// the kernel is computed on its own, over the windows in which that pixel is inside the image.
import { copyImage } from "./copy-image";
import { MatrixRow, RowWalk } from "./matrix-rows";
import { clearRows, multiplyBlock, writeTails } from "./multiply";
import { packPanels } from "./pack";
import { Scratch } from "./scratch";
import { TILE_COLUMNS } from "./tile";
import { WindowSide } from "./window-side";

/**
 * x [images,height,width,channels], dY [images,outHeight,outWidth,filters] → dKernel
 * [windowHeight,windowWidth,channels,filters]. Window (i,j) begins at pixel (top + i · strideHeight, left + j · strideWidth) of
 * the image.
 *
 * A block of the sum is `blockImages` images, or, if that is one, blockRows rows of an image's windows. A part is one pixel of the
 * kernel, or all of them if `isPatch`, by partColumns filters (a multiple of eight). Parts are numbered by pixel first, then by
 * filters. A range of parts reads all images once. The scratch memory holds a table of all rows of the kernel, and for a block dY
 * and, if `isPatch`, the part of the images under the windows.
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
  isPatch: bool,
  partColumns: i32,
): void {
  const pixels = windowHeight * windowWidth;
  const partRows = isPatch ? pixels * channels : channels;
  const rowParts = isPatch ? 1 : pixels;
  const firstFilter = (from / rowParts) * partColumns;
  const endFilter = min(filters, ((to - 1) / rowParts + 1) * partColumns);

  const pixelBytes = (<usize>channels) << 2;
  const filterBytes = (<usize>filters) << 2;
  const panelRowBytes: usize = TILE_COLUMNS << 2;
  const panelBytes = <usize>(blockImages * blockRows * outWidth) * panelRowBytes;
  const coveredRows = (blockRows - 1) * strideHeight + windowHeight;
  const coveredColumns = (outWidth - 1) * strideWidth + windowWidth;
  const rowBytes = <usize>(isPatch ? coveredColumns : width) * pixelBytes;
  const imageBytes = <usize>(isPatch ? coveredRows : height) * rowBytes;

  const memory = Scratch.at(scratch);
  const rowSide = WindowSide.in(memory, height, windowHeight, top, strideHeight);
  const columnSide = WindowSide.in(memory, width, windowWidth, left, strideWidth);
  const walk = RowWalk.in(memory);
  const table = MatrixRow.tableIn(memory, pixels * channels);
  const tails = MatrixRow.tailsIn(memory, pixels * channels);
  const packed = memory.take(<usize>((endFilter - firstFilter + 7) / 8) * panelBytes);
  const copies = memory.take(0);

  // The offset of A's rows from the first pixel under a block's windows.
  for (let pixel = 0; pixel < pixels; pixel++) {
    const place =
      <usize>(pixel / windowWidth) * rowBytes + <usize>(pixel % windowWidth) * pixelBytes;
    for (let channel = 0; channel < channels; channel++) {
      const row = pixel * channels + channel;
      const c = dKernel + <usize>row * filterBytes;
      MatrixRow.at(table, row).set(place + ((<usize>channel) << 2), c, tails, row);
    }
  }

  walk.step = <usize>strideWidth * pixelBytes;
  walk.bStep = panelRowBytes;
  for (let image = 0; image < images; image += blockImages) {
    walk.groups = min(blockImages, images - image);
    for (let row = 0; row < outHeight; row += blockRows) {
      const rows = min(blockRows, outHeight - row);
      let block = copies;
      if (isPatch) {
        for (let i = 0; i < walk.groups; i++) {
          copyImage(
            copies + <usize>i * imageBytes,
            x + <usize>((image + i) * height * width) * pixelBytes,
            height,
            width,
            pixelBytes,
            rowSide.place(row, 0),
            left,
            (rows - 1) * strideHeight + windowHeight,
            coveredColumns,
          );
        }
      } else {
        // This may point before the images, but no pixel outside of them is read.
        block = x + <usize>((image * height + rowSide.place(row, 0)) * width + left) * pixelBytes;
      }
      packPanels(
        packed,
        panelBytes,
        dy +
          <usize>((image * outHeight + row) * outWidth) * filterBytes +
          ((<usize>firstFilter) << 2),
        filterBytes,
        walk.groups * rows * outWidth,
        endFilter - firstFilter,
      );
      for (let part = from; part < to; part++) {
        const pixel = part % rowParts;
        const filter = (part / rowParts) * partColumns;
        // The windows in which the pixel is inside the image.
        const firstRow = isPatch ? 0 : rowSide.firstWindow(pixel / windowWidth);
        const endRow = isPatch ? outHeight : rowSide.endWindow(pixel / windowWidth, outHeight);
        const firstColumn = isPatch ? 0 : columnSide.firstWindow(pixel % windowWidth);
        const endColumn = isPatch ? outWidth : columnSide.endWindow(pixel % windowWidth, outWidth);
        const begin = max(row, firstRow);
        walk.segments = min(row + rows, endRow) - begin;
        walk.length = endColumn - firstColumn;
        if (walk.segments <= 0 || walk.length <= 0) continue;
        walk.segmentSkip = <usize>strideHeight * rowBytes - <usize>walk.length * walk.step;
        walk.groupSkip = imageBytes - <usize>(walk.segments * strideHeight) * rowBytes;
        walk.bSegmentSkip = <usize>(outWidth - walk.length) * panelRowBytes;
        walk.bGroupSkip = <usize>((rows - walk.segments) * outWidth) * panelRowBytes;
        const skipped = begin - row;
        const aOffset = <usize>(skipped * strideHeight) * rowBytes + <usize>firstColumn * walk.step;
        const panel = <usize>((filter - firstFilter) / TILE_COLUMNS) * panelBytes;
        multiplyBlock(
          table + MatrixRow.bytes(pixel * partRows),
          partRows,
          walk,
          block + aOffset,
          packed + panel + <usize>(skipped * outWidth + firstColumn) * panelRowBytes,
          panelBytes,
          min(partColumns, filters - filter),
          (<usize>filter) << 2,
          image > 0 || begin > firstRow,
        );
      }
    }
  }

  for (let part = from; part < to; part++) {
    const pixel = part % rowParts;
    const filter = (part / rowParts) * partColumns;
    const columns = min(partColumns, filters - filter);
    const rows = table + MatrixRow.bytes(pixel * partRows);
    const isSeen =
      isPatch ||
      (rowSide.isSeen(pixel / windowWidth, outHeight) &&
        columnSide.isSeen(pixel % windowWidth, outWidth));
    if (isSeen) writeTails(rows, partRows, columns, (<usize>filter) << 2);
    else clearRows(rows, partRows, columns, (<usize>filter) << 2);
  }
}
