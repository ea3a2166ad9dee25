// How products address their matrices: by rows at any address, so that the patches of an image are a matrix that need not be stored
// (indirect convolution: Dukhan, arXiv 1907.02129).
import { Scratch } from "./scratch";

/** Bytes of a MatrixRow. */
export const MATRIX_ROW_BYTES: usize = 12;
/** Bytes of a row's tail. */
const TAIL_BYTES: usize = 32;

/** An entry of a table of rows. */
@unmanaged
export class MatrixRow {
  /** Address of A's row. */
  a: usize;
  /** Address of C's row. */
  private cStart: usize;
  /** Address of eight values for the row's last columns, if these do not fill a tile. */
  tail: usize;

  // @ts-ignore: decorator
  @inline
  static at(table: usize, row: i32): MatrixRow {
    return changetype<MatrixRow>(table + <usize>row * MATRIX_ROW_BYTES);
  }

  /** Bytes of `rows` entries. */
  // @ts-ignore: decorator
  @inline
  static bytes(rows: i32): usize {
    return <usize>rows * MATRIX_ROW_BYTES;
  }

  static tableIn(memory: Scratch, rows: i32): usize {
    return memory.take(<usize>rows * MATRIX_ROW_BYTES);
  }

  static tailsIn(memory: Scratch, rows: i32): usize {
    return memory.take(<usize>rows * TAIL_BYTES);
  }

  /** @param tails memory for the tails of all rows @param row the number of this row */
  // @ts-ignore: decorator
  @inline
  set(a: usize, c: usize, tails: usize, row: i32): void {
    this.a = a;
    this.cStart = c;
    this.tail = tails + <usize>row * TAIL_BYTES;
  }

  // @ts-ignore: decorator
  @inline
  c(isTail: bool, offset: usize): usize {
    return isTail ? this.tail : this.cStart + offset;
  }
}

/**
 * How the rows of A, and the corresponding rows of a panel of B, are read along k. A segment is `length` values of A, `step` bytes
 * apart, and as many rows of B, `bStep` bytes apart. The skips are the bytes between segments, and between groups of `segments`
 * segments.
 */
@unmanaged
export class RowWalk {
  groups: i32;
  segments: i32;
  length: i32;
  step: usize;
  segmentSkip: usize;
  groupSkip: usize;
  bStep: usize;
  bSegmentSkip: usize;
  bGroupSkip: usize;

  /** A single segment by default. */
  static in(memory: Scratch): RowWalk {
    const walk = changetype<RowWalk>(memory.take(offsetof<RowWalk>()));
    walk.groups = 1;
    walk.segments = 1;
    walk.segmentSkip = 0;
    walk.groupSkip = 0;
    walk.bSegmentSkip = 0;
    walk.bGroupSkip = 0;
    return walk;
  }
}
