// The innermost loop of all products and convolutions: a tile of up to four rows by eight columns of C = A·B or C += A·B, with the
// sums in registers. Each sum runs over k in ascending order, multiply then add. Lanes are columns, so the bits of an output do not
// depend on how it is split into tiles.
import { MatrixRow, RowWalk } from "./matrix-rows";

export const TILE_ROWS: i32 = 4;
export const TILE_COLUMNS: i32 = 8;

export class Tile {
  /**
   * @param rows 1–4, a constant
   * @param isWide eight columns, else four; a constant
   * @param first the entry of the first row; the others follow
   * @param aOffset bytes to add to the entries' addresses of A
   * @param b the first value of B
   * @param isTail whether C's rows are the entries' tails; otherwise they are at the entries' addresses of C plus cOffset
   * @param isSum adds to C
   */
  // @ts-ignore: decorator
  @inline
  static multiply(
    rows: i32,
    isWide: bool,
    first: usize,
    walk: RowWalk,
    aOffset: usize,
    b: usize,
    isTail: bool,
    cOffset: usize,
    isSum: bool,
  ): void {
    let a0 = MatrixRow.at(first, 0).a + aOffset;
    let a1 = rows > 1 ? MatrixRow.at(first, 1).a + aOffset : 0;
    let a2 = rows > 2 ? MatrixRow.at(first, 2).a + aOffset : 0;
    let a3 = rows > 3 ? MatrixRow.at(first, 3).a + aOffset : 0;
    let c0L = f32x4.splat(0);
    let c0R = f32x4.splat(0);
    let c1L = f32x4.splat(0);
    let c1R = f32x4.splat(0);
    let c2L = f32x4.splat(0);
    let c2R = f32x4.splat(0);
    let c3L = f32x4.splat(0);
    let c3R = f32x4.splat(0);
    const step = walk.step;
    const segmentSkip = walk.segmentSkip;
    const groupSkip = walk.groupSkip;
    const bStep = walk.bStep;
    const bSegmentSkip = walk.bSegmentSkip;
    let groups = walk.groups;
    do {
      let segments = walk.segments;
      do {
        let length = walk.length;
        do {
          const bL = v128.load(b);
          const bR = isWide ? v128.load(b, 16) : bL;
          const x0 = v128.load32_splat(a0);
          c0L = f32x4.add(c0L, f32x4.mul(x0, bL));
          if (isWide) c0R = f32x4.add(c0R, f32x4.mul(x0, bR));
          a0 += step;
          if (rows > 1) {
            const x1 = v128.load32_splat(a1);
            c1L = f32x4.add(c1L, f32x4.mul(x1, bL));
            if (isWide) c1R = f32x4.add(c1R, f32x4.mul(x1, bR));
            a1 += step;
          }
          if (rows > 2) {
            const x2 = v128.load32_splat(a2);
            c2L = f32x4.add(c2L, f32x4.mul(x2, bL));
            if (isWide) c2R = f32x4.add(c2R, f32x4.mul(x2, bR));
            a2 += step;
          }
          if (rows > 3) {
            const x3 = v128.load32_splat(a3);
            c3L = f32x4.add(c3L, f32x4.mul(x3, bL));
            if (isWide) c3R = f32x4.add(c3R, f32x4.mul(x3, bR));
            a3 += step;
          }
          b += bStep;
        } while (--length);
        a0 += segmentSkip;
        if (rows > 1) a1 += segmentSkip;
        if (rows > 2) a2 += segmentSkip;
        if (rows > 3) a3 += segmentSkip;
        b += bSegmentSkip;
      } while (--segments);
      a0 += groupSkip;
      if (rows > 1) a1 += groupSkip;
      if (rows > 2) a2 += groupSkip;
      if (rows > 3) a3 += groupSkip;
      b += walk.bGroupSkip;
    } while (--groups);
    Tile.store(isWide, MatrixRow.at(first, 0).c(isTail, cOffset), c0L, c0R, isSum);
    if (rows > 1) Tile.store(isWide, MatrixRow.at(first, 1).c(isTail, cOffset), c1L, c1R, isSum);
    if (rows > 2) Tile.store(isWide, MatrixRow.at(first, 2).c(isTail, cOffset), c2L, c2R, isSum);
    if (rows > 3) Tile.store(isWide, MatrixRow.at(first, 3).c(isTail, cOffset), c3L, c3R, isSum);
  }

  // @ts-ignore: decorator
  @inline
  private static store(isWide: bool, c: usize, left: v128, right: v128, isSum: bool): void {
    if (isSum) {
      left = f32x4.add(v128.load(c), left);
      if (isWide) right = f32x4.add(v128.load(c, 16), right);
    }
    v128.store(c, left);
    if (isWide) v128.store(c, right, 16);
  }
}
