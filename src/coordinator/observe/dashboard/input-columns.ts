// The values of a sample that is not a picture, by column and in the data's own units: what a person enters to have a sample
// predicted, and what a row of the page shows of a test sample. Pure.
import type { TableSpec } from "../../../shared/data/table.js";
import { sanitizeText } from "../../../shared/text.js";
import type { InputColumn } from "./page-update.js";

/** More could neither be entered nor read. */
export const MAX_COLUMNS = 40;
/** A longer list could not be read. */
const MAX_CATEGORIES = 200;
const MAX_NAME_LENGTH = 64;
/** As many as float32 can distinguish. */
const SIGNIFICANT_DIGITS = 6;

/** Reads the columns of a network's inputs. */
export class InputColumns {
  private readonly columns: readonly InputColumn[];
  private readonly valueCount: number;

  /**
   * @param valueCount of one sample
   * @param table if the data is one; otherwise each value is a column of its own
   */
  constructor(valueCount: number, table: TableSpec | undefined) {
    this.valueCount = valueCount;
    this.columns = table
      ? table.columns.slice(0, MAX_COLUMNS).map(safeColumn)
      : Array.from({ length: Math.min(valueCount, MAX_COLUMNS) }, (_, index) => {
          return { name: String(index), kind: "number", mean: 0, scale: 1 };
        });
  }

  /** Names of a row's cells. */
  get names(): string[] {
    return this.columns.map(({ name }) => name);
  }

  /** All columns, for entering values; undefined if they are too many. */
  get form(): InputColumn[] | undefined {
    const isWhole = this.columns.reduce((sum, each) => sum + sizeOf(each), 0) === this.valueCount;
    const isShort = this.columns.every(
      (each) => each.kind === "number" || each.categories.length <= MAX_CATEGORIES,
    );
    return isWhole && isShort ? [...this.columns] : undefined;
  }

  /**
   * @param inputs of one sample: (x − mean)/scale for a number; for a category one input each, with a 1 at the sample's own
   * @returns the numbers x and the names of the categories
   */
  rowOf(inputs: ArrayLike<number>): (string | number | null)[] {
    let at = 0;
    return this.columns.map((column) => {
      const from = at;
      at += sizeOf(column);
      if (column.kind === "number") {
        return roundNumber(inputs[from]! * column.scale + column.mean);
      }
      return column.categories.find((_, index) => inputs[from + index]! > 0.5) ?? null;
    });
  }
}

/** Six significant digits; null for numbers that JSON cannot represent. */
export function roundNumber(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(SIGNIFICANT_DIGITS)) : null;
}

function sizeOf(column: InputColumn): number {
  return column.kind === "number" ? 1 : column.categories.length;
}

function safeColumn(column: TableSpec["columns"][number]): InputColumn {
  const name = sanitizeText(column.name, MAX_NAME_LENGTH);
  if (column.kind === "number") return { ...column, name };
  const categories = column.categories.map((each) => sanitizeText(each, MAX_NAME_LENGTH));
  return { ...column, name, categories };
}
