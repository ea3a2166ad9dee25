// Packs the kernels of convolutions into panels, once for all parts of a convolution.
import { packPanels, packPanelsTransposed } from "./pack";
import { TILE_COLUMNS } from "./tile";

/** Rows of a kernel per part. */
const PART_ROWS: i32 = 64;

/** Packs a kernel [terms, filters] as a matrix. */
export function packKernel(
  _scratch: usize,
  from: i32,
  to: i32,
  panels: usize,
  kernel: usize,
  terms: i32,
  filters: i32,
): void {
  const rowBytes = (<usize>filters) << 2;
  const panelRowBytes: usize = TILE_COLUMNS << 2;
  const first = from * PART_ROWS;
  packPanels(
    panels + <usize>first * panelRowBytes,
    <usize>terms * panelRowBytes,
    kernel + <usize>first * rowBytes,
    rowBytes,
    min(terms, to * PART_ROWS) - first,
    filters,
  );
}

/**
 * Packs the rotated kernel that dY is convolved with: the rows firstRow, firstRow + strideHeight, … and the columns firstColumn,
 * firstColumn + strideWidth, … of the kernel [kernelHeight,kernelWidth,channels,filters], both in descending order, as a matrix
 * [rows · columns · filters, channels]. A part is one of the rows · columns pixels of the kernel.
 */
export function packTurnedKernel(
  _scratch: usize,
  from: i32,
  to: i32,
  panels: usize,
  kernel: usize,
  kernelWidth: i32,
  channels: i32,
  filters: i32,
  firstRow: i32,
  firstColumn: i32,
  strideHeight: i32,
  strideWidth: i32,
  rows: i32,
  columns: i32,
): void {
  const columnBytes = (<usize>filters) << 2;
  const pixelBytes = <usize>filters * (TILE_COLUMNS << 2);
  for (let pixel = from; pixel < to; pixel++) {
    const row = firstRow + (rows - 1 - pixel / columns) * strideHeight;
    const column = firstColumn + (columns - 1 - (pixel % columns)) * strideWidth;
    packPanelsTransposed(
      panels + <usize>pixel * pixelBytes,
      <usize>(rows * columns) * pixelBytes,
      kernel + <usize>((row * kernelWidth + column) * channels) * columnBytes,
      columnBytes,
      filters,
      channels,
    );
  }
}
