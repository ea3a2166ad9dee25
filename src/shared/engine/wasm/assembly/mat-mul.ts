// Matrix products. A part is a rectangle of C. For each block of k it packs its columns of B, and its rows of A if A is transposed,
// into the thread's scratch memory.
import { MatrixRow, RowWalk } from "./matrix-rows";
import { balance, BLOCK_TERMS, multiplyBlock, writeTails } from "./multiply";
import { PACKED_ROWS, packPanels, packPanelsTransposed, packRows } from "./pack";
import { Scratch } from "./scratch";
import { TILE_COLUMNS } from "./tile";

/** With at most this many rows, B is not packed: that would take longer than the product. */
const FEW_ROWS: i32 = 8;

/**
 * C [m,n] = A [m,k] · B [k,n]; with transposeA, A is [k,m], with transposeB, B is [n,k]. k is at least 1.
 *
 * Parts have partRows by partColumns (a multiple of eight), and are numbered down the rows first, then across the columns.
 * The scratch memory holds the table of a part's rows, and at most 256 terms of each row and column.
 */
export function matMul(
  scratch: usize,
  from: i32,
  to: i32,
  a: usize,
  b: usize,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
  transposeA: bool,
  transposeB: bool,
  partRows: i32,
  partColumns: i32,
): void {
  const blockTerms = balance(k, BLOCK_TERMS);
  const memory = Scratch.at(scratch);
  const walk = RowWalk.in(memory);
  const table = MatrixRow.tableIn(memory, partRows);
  const tails = MatrixRow.tailsIn(memory, partRows);
  const packedB = memory.take((<usize>partColumns * <usize>blockTerms) << 2);
  const packedA = memory.take(0);

  const aRowBytes = (<usize>(transposeA ? m : k)) << 2;
  const bRowBytes = (<usize>(transposeB ? k : n)) << 2;
  const cRowBytes = (<usize>n) << 2;
  const panelBytes = (<usize>(blockTerms * TILE_COLUMNS)) << 2;
  const groupBytes = (<usize>(blockTerms * PACKED_ROWS)) << 2;
  const isPacked = transposeB || m > FEW_ROWS || n % (TILE_COLUMNS / 2) != 0;
  const rowParts = (m + partRows - 1) / partRows;

  walk.step = transposeA ? <usize>(PACKED_ROWS << 2) : 4;
  walk.bStep = isPacked ? <usize>(TILE_COLUMNS << 2) : bRowBytes;

  for (let part = from; part < to; part++) {
    const firstRow = (part % rowParts) * partRows;
    const firstColumn = (part / rowParts) * partColumns;
    const rows = min(partRows, m - firstRow);
    const columns = min(partColumns, n - firstColumn);
    const cOffset = (<usize>firstColumn) << 2;
    for (let row = 0; row < rows; row++) {
      const aRow = transposeA
        ? packedA + <usize>(row / PACKED_ROWS) * groupBytes + ((<usize>(row % PACKED_ROWS)) << 2)
        : a + <usize>(firstRow + row) * aRowBytes;
      const cRow = c + <usize>(firstRow + row) * cRowBytes;
      MatrixRow.at(table, row).set(aRow, cRow, tails, row);
    }
    for (let term = 0; term < k; term += blockTerms) {
      const terms = min(blockTerms, k - term);
      const bBlock = transposeB
        ? b + <usize>firstColumn * bRowBytes + ((<usize>term) << 2)
        : b + <usize>term * bRowBytes + cOffset;
      if (transposeB) {
        packPanelsTransposed(packedB, panelBytes, bBlock, bRowBytes, terms, columns);
      } else if (isPacked) {
        packPanels(packedB, panelBytes, bBlock, bRowBytes, terms, columns);
      }
      let aOffset = (<usize>term) << 2;
      if (transposeA) {
        const aBlock = a + <usize>term * aRowBytes + ((<usize>firstRow) << 2);
        packRows(packedA, groupBytes, aBlock, aRowBytes, terms, rows);
        aOffset = 0;
      }
      walk.length = terms;
      multiplyBlock(
        table,
        rows,
        walk,
        aOffset,
        isPacked ? packedB : bBlock,
        isPacked ? panelBytes : TILE_COLUMNS << 2,
        columns,
        cOffset,
        term > 0,
      );
    }
    writeTails(table, rows, columns, cOffset);
  }
}
