// A block of a product: all rows of a table by the columns of some panels of B, for some consecutive k. The caller goes through
// the blocks of k in ascending order, and each adds its sums to C. Blocks follow from shapes alone; they keep sums of many
// terms accurate, as a float32 sum's error grows with the number of terms.
import { MatrixRow, MATRIX_ROW_BYTES, RowWalk } from "./matrix-rows";
import { Tile, TILE_COLUMNS, TILE_ROWS } from "./tile";

/** The largest number of terms in a block's sum, where the shapes let it be cut. */
export const BLOCK_TERMS: i32 = 256;

/** The length of the pieces that `length` is cut into: as equal as possible, none longer than `limit`. */
export function balance(length: i32, limit: i32): i32 {
  const pieces = (length + limit - 1) / limit;
  return (length + pieces - 1) / pieces;
}

/**
 * C = A·B or, with `isSum`, C += A·B. Columns behind the last whole tile are written to the entries' tails.
 * @param aOffset bytes from where the entries say that rows of A begin
 * @param b the first row of the first panel
 * @param panelBytes from one panel to the next
 * @param cOffset bytes from where the entries say that rows of C begin
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
   * Rows are cut into tiles of equal height, or one row more: three and three, not four and two.
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

// Two functions, not one with both widths inside: V8 then keeps the sums of either in registers, which takes a quarter less time.
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
