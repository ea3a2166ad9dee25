// Convolutions, and the gradients of their inputs, which are convolutions of dY with the rotated kernel. The patches of an image
// are the rows of a matrix that is only addressed, never stored. Pixels of a window that are outside of the image are not part of
// its sum: windows with the same pixels inside are computed together.
import { MatrixRow, RowWalk } from "./matrix-rows";
import { balance, BLOCK_TERMS, clearRows, multiplyBlock, writeTails } from "./multiply";
import { Scratch } from "./scratch";
import { TILE_COLUMNS } from "./tile";
import { WindowSide } from "./window-side";

/**
 * Places windows on the images x [images,height,width,channels] and writes the window's product with the kernel to
 * y [images,yHeight,yWidth,filters]. Window (i,j) of gridHeight × gridWidth begins at pixel
 * (top + i · strideHeight, left + j · strideWidth) of the image, and its result is the pixel
 * (yTop + i · yStrideHeight, yLeft + j · yStrideWidth).
 *
 * @param panels the kernel [windowHeight · windowWidth · channels, filters] in panels of eight columns
 *
 * A part is `partImages` images with all their windows, or, if that is one, partRows rows of windows of an image, by partColumns
 * filters (a multiple of eight). The scratch memory holds a table of the windows.
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
  partColumns: i32,
): void {
  const memory = Scratch.at(scratch);
  const rowSide = WindowSide.in(memory, height, windowHeight, top, strideHeight);
  const columnSide = WindowSide.in(memory, width, windowWidth, left, strideWidth);
  const kernel = KernelPanels.in(memory, windowHeight, windowWidth * channels, width * channels);
  const tableRows = partImages * partRows * gridWidth;
  const table = MatrixRow.tableIn(memory, tableRows);
  const tails = MatrixRow.tailsIn(memory, tableRows);

  const pixelBytes = (<usize>channels) << 2;
  const yPixelBytes = (<usize>filters) << 2;
  const bands = (gridHeight + partRows - 1) / partRows;
  const columnParts = (filters + partColumns - 1) / partColumns;
  for (let part = from; part < to; part++) {
    const imagePart = part / columnParts;
    const filter = (part % columnParts) * partColumns;
    const columns = min(partColumns, filters - filter);
    const firstImage = (imagePart / bands) * partImages;
    const endImage = min(images, firstImage + partImages);
    const endRow = min(gridHeight, ((imagePart % bands) + 1) * partRows);
    let row = (imagePart % bands) * partRows;
    while (row < endRow) {
      const nextRow = rowSide.endOfAlike(row, endRow);
      let column = 0;
      while (column < gridWidth) {
        const nextColumn = columnSide.endOfAlike(column, gridWidth);
        let rows = 0;
        for (let image = firstImage; image < endImage; image++) {
          for (let i = row; i < nextRow; i++) {
            const xRow = image * height + rowSide.place(i, rowSide.begin(row));
            const yRow = image * yHeight + yTop + i * yStrideHeight;
            for (let j = column; j < nextColumn; j++) {
              const xPixel = xRow * width + columnSide.place(j, columnSide.begin(column));
              const yPixel = yRow * yWidth + yLeft + j * yStrideWidth;
              const a = x + <usize>xPixel * pixelBytes;
              const c = y + <usize>yPixel * yPixelBytes;
              MatrixRow.at(table, rows).set(a, c, tails, rows);
              rows++;
            }
          }
        }
        kernel.multiply(
          table,
          rows,
          rowSide.begin(row),
          rowSide.end(row),
          columnSide.begin(column) * channels,
          columnSide.end(column) * channels,
          panels + <usize>(filter / TILE_COLUMNS) * kernel.panelBytes,
          columns,
          (<usize>filter) << 2,
        );
        column = nextColumn;
      }
      row = nextRow;
    }
  }
}

/** A kernel in panels of eight filters, one row per term. */
@unmanaged
class KernelPanels {
  private walk: RowWalk;
  private rows: i32;
  /** Bytes of a row of the kernel. */
  private rowTerms: i32;
  /** Bytes from a row of an image to the next. */
  private rowBytes: usize;

  static in(memory: Scratch, rows: i32, rowTerms: i32, imageRowLength: i32): KernelPanels {
    const kernel = changetype<KernelPanels>(memory.take(offsetof<KernelPanels>()));
    kernel.walk = RowWalk.in(memory);
    kernel.walk.step = 4;
    kernel.walk.bStep = TILE_COLUMNS << 2;
    kernel.rows = rows;
    kernel.rowTerms = rowTerms;
    kernel.rowBytes = (<usize>imageRowLength) << 2;
    return kernel;
  }

  get panelBytes(): usize {
    return (<usize>(this.rows * this.rowTerms * TILE_COLUMNS)) << 2;
  }

  /**
   * C = A·B with the terms firstTerm … endTerm − 1 of the rows firstRow … endRow − 1 of the kernel.
   * @param table rows of A begin at the first of these terms
   * @param b the first panel
   */
  multiply(
    table: usize,
    rows: i32,
    firstRow: i32,
    endRow: i32,
    firstTerm: i32,
    endTerm: i32,
    b: usize,
    columns: i32,
    cOffset: usize,
  ): void {
    if (firstRow == endRow || firstTerm == endTerm) {
      clearRows(table, rows, columns, cOffset);
      return;
    }
    const walk = this.walk;
    const rowTerms = this.rowTerms;
    // A block is several rows of the kernel, or a part of one row, as far as they are inside the image.
    const blockRows = balance(this.rows, max(1, BLOCK_TERMS / rowTerms));
    const blockTerms = balance(rowTerms, BLOCK_TERMS);
    let isSum = false;
    for (let blockRow = 0; blockRow < endRow; blockRow += blockRows) {
      const row = max(firstRow, blockRow);
      walk.segments = min(endRow, blockRow + blockRows) - row;
      if (walk.segments <= 0) continue;
      for (let blockTerm = 0; blockTerm < endTerm; blockTerm += blockTerms) {
        const term = max(firstTerm, blockTerm);
        walk.length = min(endTerm, blockTerm + blockTerms) - term;
        if (walk.length <= 0) continue;
        walk.segmentSkip = this.rowBytes - ((<usize>walk.length) << 2);
        walk.bSegmentSkip = (<usize>((rowTerms - walk.length) * TILE_COLUMNS)) << 2;
        const aOffset =
          <usize>(row - firstRow) * this.rowBytes + ((<usize>(term - firstTerm)) << 2);
        const bOffset = (<usize>((row * rowTerms + term) * TILE_COLUMNS)) << 2;
        multiplyBlock(
          table,
          rows,
          walk,
          aOffset,
          b + bOffset,
          this.panelBytes,
          columns,
          cOffset,
          isSum,
        );
        isSum = true;
      }
    }
    writeTails(table, rows, columns, cOffset);
  }
}
