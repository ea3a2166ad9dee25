// Copies matrices into the order in which products read them.
import { TILE_COLUMNS } from "./tile";

/**
 * Copies `count` columns of `rows` rows of B into panels of eight columns: panel p holds, row by row, the columns 8p … 8p + 7, and
 * zeros for columns after the last.
 * @param rowBytes from one row of B to the next
 * @param panelBytes from one panel to the next
 */
export function packPanels(
  panel: usize,
  panelBytes: usize,
  b: usize,
  rowBytes: usize,
  rows: i32,
  count: i32,
): void {
  const whole = count & ~(TILE_COLUMNS - 1);
  for (let row = 0; row < rows; row++) {
    let target = panel;
    let column = 0;
    for (; column < whole; column += TILE_COLUMNS) {
      const source = b + ((<usize>column) << 2);
      v128.store(target, v128.load(source));
      v128.store(target, v128.load(source, 16), 16);
      target += panelBytes;
    }
    if (column < count) {
      v128.store(target, f32x4.splat(0));
      v128.store(target, f32x4.splat(0), 16);
      for (let i: usize = 0; column < count; column++, i += 4) {
        store<f32>(target + i, load<f32>(b + ((<usize>column) << 2)));
      }
    }
    panel += TILE_COLUMNS * sizeof<f32>();
    b += rowBytes;
  }
}

/**
 * The same for a column-major matrix: column n begins at b + n · columnBytes, and its values are contiguous.
 */
export function packPanelsTransposed(
  panel: usize,
  panelBytes: usize,
  b: usize,
  columnBytes: usize,
  rows: i32,
  count: i32,
): void {
  for (let column = 0; column < count; column += TILE_COLUMNS) {
    const left = min(TILE_COLUMNS, count - column);
    packFour(panel, b, columnBytes, rows, left);
    packFour(panel + 16, b + 4 * columnBytes, columnBytes, rows, left - 4);
    panel += panelBytes;
    b += <usize>TILE_COLUMNS * columnBytes;
  }
}

/** Packs half of a panel: `columns` columns, and zeros up to four. */
function packFour(target: usize, b: usize, columnBytes: usize, rows: i32, columns: i32): void {
  let row = 0;
  if (columns >= 4) {
    for (; row + 4 <= rows; row += 4) {
      const source = b + ((<usize>row) << 2);
      const r0 = v128.load(source);
      const r1 = v128.load(source + columnBytes);
      const r2 = v128.load(source + 2 * columnBytes);
      const r3 = v128.load(source + 3 * columnBytes);
      // Transposes the 4×4 block: pairs of values, then pairs of pairs.
      const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      v128.store(target, v128.shuffle<f64>(low01, low23, 0, 2));
      v128.store(target, v128.shuffle<f64>(low01, low23, 1, 3), 32);
      v128.store(target, v128.shuffle<f64>(high01, high23, 0, 2), 64);
      v128.store(target, v128.shuffle<f64>(high01, high23, 1, 3), 96);
      target += 128;
    }
  }
  for (; row < rows; row++) {
    const source = b + ((<usize>row) << 2);
    for (let column = 0; column < 4; column++) {
      const value = column < columns ? load<f32>(source + <usize>column * columnBytes) : <f32>0;
      store<f32>(target + ((<usize>column) << 2), value);
    }
    target += 32;
  }
}

/** Rows in a group of packRows. */
export const PACKED_ROWS: i32 = 16;

/**
 * Copies `count` rows of Aᵀ, whose values are contiguous for each k, in groups of sixteen rows: a group holds, for each of `terms`
 * k, its rows' values. Memory after the last row is not written.
 * @param groupBytes from one group to the next
 * @param termBytes from the values of one k to those of the next
 */
export function packRows(
  group: usize,
  groupBytes: usize,
  a: usize,
  termBytes: usize,
  terms: i32,
  count: i32,
): void {
  for (let row = 0; row < count; row += PACKED_ROWS) {
    let target = group;
    let source = a + ((<usize>row) << 2);
    const left = min(PACKED_ROWS, count - row);
    for (let term = 0; term < terms; term++) {
      if (left == PACKED_ROWS) {
        v128.store(target, v128.load(source));
        v128.store(target, v128.load(source, 16), 16);
        v128.store(target, v128.load(source, 32), 32);
        v128.store(target, v128.load(source, 48), 48);
      } else {
        for (let i: usize = 0; i < (<usize>left) << 2; i += 4) {
          store<f32>(target + i, load<f32>(source + i));
        }
      }
      target += PACKED_ROWS * sizeof<f32>();
      source += termBytes;
    }
    group += groupBytes;
  }
}
