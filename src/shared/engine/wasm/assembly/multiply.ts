// A block of a product: all rows of a table by the columns of some panels of B, for a range of k. The caller computes the blocks of
// k in ascending order, and each adds its sums to C. Blocks depend only on shapes. They keep sums of many terms accurate, as the
// error of a float32 sum grows with the number of terms.
import { MatrixRow, MATRIX_ROW_BYTES, RowWalk } from "./matrix-rows";
import { Tile, TILE_COLUMNS, TILE_ROWS } from "./tile";

/** The largest number of terms in a block's sum, if the shapes allow it. */
export const BLOCK_TERMS: i32 = 256;

/** Splits a length into pieces that are as equal as possible and at most `limit` long. @returns their length */
export function balance(length: i32, limit: i32): i32 {
  const pieces = (length + limit - 1) / limit;
  return (length + pieces - 1) / pieces;
}

/**
 * C = A·B or, with `isSum`, C += A·B. Columns after the last full tile are written to the entries' tails.
 * @param aOffset bytes to add to the entries' addresses of A
 * @param b the first row of the first panel
 * @param panelBytes from one panel to the next
 * @param cOffset bytes to add to the entries' addresses of C
 */
export function multiplyBlock(
  table: usize,
  rows: i32,
  walk: RowWalk,
  aOffset: usize,
  b: usize,
  panelBytes: usize,
  columns: i32,
  cOffset: usize,
  isSum: bool,
): void {
  for (let column = 0; column < columns; column += TILE_COLUMNS) {
    const left = columns - column;
    const isTail = left < TILE_COLUMNS;
    if (left > TILE_COLUMNS / 2) {
      multiplyPanel(table, rows, walk, aOffset, b, isTail, cOffset, isSum);
    } else {
      multiplyHalfPanel(table, rows, walk, aOffset, b, isTail, cOffset, isSum);
    }
    b += panelBytes;
    cOffset += TILE_COLUMNS * sizeof<f32>();
  }
}

/** C = 0. @param columns of C */
export function clearRows(table: usize, rows: i32, columns: i32, cOffset: usize): void {
  for (let row = 0; row < rows; row++) {
    memory.fill(MatrixRow.at(table, row).c(false, cOffset), 0, (<usize>columns) << 2);
  }
}

/** Copies the last columns from the rows' tails to C. @param columns of C */
export function writeTails(table: usize, rows: i32, columns: i32, cOffset: usize): void {
  const tailColumns = columns % TILE_COLUMNS;
  if (tailColumns == 0) return;
  cOffset += <usize>(columns - tailColumns) * sizeof<f32>();
  for (let row = 0; row < rows; row++) {
    const entry = MatrixRow.at(table, row);
    const tail = entry.c(true, 0);
    const c = entry.c(false, cOffset);
    for (let column = 0; column < tailColumns; column++) {
      const offset = <usize>column * sizeof<f32>();
      store<f32>(c + offset, load<f32>(tail + offset));
    }
  }
}

class Panel {
  /**
   * Splits the rows into tiles whose heights differ by at most one: three and three, not four and two.
   * @param isWide eight columns, else four; a constant
   */
  // @ts-ignore: decorator
  @inline
  static multiply(
    isWide: bool,
    table: usize,
    rows: i32,
    walk: RowWalk,
    aOffset: usize,
    b: usize,
    isTail: bool,
    cOffset: usize,
    isSum: bool,
  ): void {
    const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    let row = 0;
    for (let tile = 0; tile < tiles; tile++) {
      const height = (rows - row + tiles - tile - 1) / (tiles - tile);
      const first = table + <usize>row * MATRIX_ROW_BYTES;
      switch (height) {
        case 1:
          Tile.multiply(1, isWide, first, walk, aOffset, b, isTail, cOffset, isSum);
          break;
        case 2:
          Tile.multiply(2, isWide, first, walk, aOffset, b, isTail, cOffset, isSum);
          break;
        case 3:
          Tile.multiply(3, isWide, first, walk, aOffset, b, isTail, cOffset, isSum);
          break;
        default:
          Tile.multiply(4, isWide, first, walk, aOffset, b, isTail, cOffset, isSum);
      }
      row += height;
    }
  }
}

// Two functions instead of one for both widths, so that V8 keeps the sums in registers, which takes a quarter less time.
function multiplyPanel(
  table: usize,
  rows: i32,
  walk: RowWalk,
  aOffset: usize,
  b: usize,
  isTail: bool,
  cOffset: usize,
  isSum: bool,
): void {
  Panel.multiply(true, table, rows, walk, aOffset, b, isTail, cOffset, isSum);
}

function multiplyHalfPanel(
  table: usize,
  rows: i32,
  walk: RowWalk,
  aOffset: usize,
  b: usize,
  isTail: bool,
  cOffset: usize,
  isSum: bool,
): void {
  Panel.multiply(false, table, rows, walk, aOffset, b, isTail, cOffset, isSum);
}
