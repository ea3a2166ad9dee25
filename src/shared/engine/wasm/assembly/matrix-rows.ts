// How products address their matrices: by rows that may lie anywhere, so that the patches of an image are a matrix that nobody
// has to write out (indirect convolution: Dukhan, arXiv 1907.02129).
import { Scratch } from "./scratch";

/** Bytes of a MatrixRow. */
export const MATRIX_ROW_BYTES: usize = 12;
/** Of a row's last columns. */
const TAIL_BYTES: usize = 32;

/** An entry of a table of rows. */
@unmanaged
export class MatrixRow {
  /** Where A's row begins. */
  a: usize;
  /** Where C's row begins. */
  private cStart: usize;
  /** Eight values for the row's last columns, where they are no whole tile. */
  tail: usize;

  // @ts-ignore: decorator
  @inline
  static at(table: usize, row: i32): MatrixRow {
    return changetype<MatrixRow>(table + <usize>row * MATRIX_ROW_BYTES);
  }

  /** The size of `rows` entries. */
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

  /** @param tails memory for the tails of all rows, of which this is the one of number `row` */
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
 * How all rows of A, and with them the rows of a panel of B, are read along k. A segment is `length` values of A, `step` bytes
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

  /** One segment, until something else is set. */
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
