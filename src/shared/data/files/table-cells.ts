// Cells of a table as numbers, and what stands for a missing one. Pure.

/** Decimal numbers, and no `0x10`, `Infinity` or empty cells, which JavaScript takes for numbers. */
export function isNumber(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
}

/** As pandas and others write a value that they do not have. */
export function isMissing(cell: string): boolean {
  return (
    cell === "" || /^(n\/?a|nan|null|none|nil|missing|unknown|\?|-+|#n\/a|#value!)$/i.test(cell)
  );
}

/** Whether the number is one in float32 too. */
export function fitsFloat32(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

/** Values of one column, one behind the other, of as many rows as come. */
export class GrowingValues<Values extends Float64Array | Int32Array> {
  private values: Values;
  private readonly allocate: (length: number) => Values;
  private count = 0;

  constructor(allocate: (length: number) => Values) {
    this.allocate = allocate;
    this.values = allocate(256);
  }

  push(value: number): void {
    if (this.count === this.values.length) {
      const larger = this.allocate(2 * this.count);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = value;
  }

  /** In the same memory. */
  finish(): Values {
    return this.values.subarray(0, this.count) as Values;
  }
}
