// Recognizes numbers and missing values in the cells of a table. Pure.

/** Decimal numbers; not `0x10`, `Infinity` or empty cells, which JavaScript would convert too. */
export function isNumber(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
}

/** A missing value, as pandas and other programs write it. */
export function isMissing(cell: string): boolean {
  return (
    cell === "" || /^(n\/?a|nan|null|none|nil|missing|unknown|\?|-+|#n\/a|#value!)$/i.test(cell)
  );
}

/** A missing value in a column of classes, where `none` and `unknown` may be classes. */
export function isMissingClass(cell: string): boolean {
  return /^(n\/?a|nan|null|\?|#n\/a|#value!)$/i.test(cell);
}

const DECIMAL_COMMA = /^[+-]?\d*,\d+(e[+-]?\d+)?$/i;
const GROUPED_DIGITS = /^[+-]?\d{1,3}([,.'\u2019 _\u00a0\u202f]\d{3})+([.,]\d+)?$/;
const INFINITE = /^[+-]?inf(inity)?$/i;
/** With the usual prefixes; without one they cannot be distinguished from texts. */
const OTHER_BASE = /^[+-]?0(x[\da-f]+|o[0-7]+|b[01]+)$/i;

/** Numbers in other notations: `3,14`, `1 000`, `12 %`, `$5`, `inf`, `0x1F`. */
export function isOtherNumber(cell: string): boolean {
  const amount = cell.replace(/^[$€£¥]\s?|\s?[%$€£¥]$/u, "");
  if (amount !== cell && isNumber(amount)) return true;
  return [DECIMAL_COMMA, GROUPED_DIGITS, INFINITE, OTHER_BASE].some((pattern) =>
    pattern.test(amount),
  );
}

/** Whether the number is finite in float32. */
export function fitsFloat32(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

/** A growing array for the values of a column whose number of rows is not known. */
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

  /** A view without the unused rest. */
  finish(): Values {
    return this.values.subarray(0, this.count) as Values;
  }
}
