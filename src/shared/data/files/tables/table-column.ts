// A column whose kind is not known yet: collects the cells as numbers and as categories until all rows are read, and then is one or
// the other. Pure.
import { quote } from "../../../network/problem.js";
import { MAX_CATEGORIES, MAX_CELL_NAME_LENGTH } from "../../table.js";
import { compareCodePoints } from "../bad-data.js";
import { fitsFloat32, GrowingValues, isMissing, isNumber, isOtherNumber } from "./table-cells.js";

/** A column, of all rows. */
export type ColumnValues =
  | { kind: "number"; values: Float64Array }
  /** The place of each row's category in the list, which is sorted by code points. */
  | { kind: "category"; values: Int32Array; categories: readonly string[] };

type Categories = Extract<ColumnValues, { kind: "category" }>;

/** So few categories are none too many, in however few rows each is. */
const FEW_CATEGORIES = 20;

/** Whether most rows have a text of their own, as names, addresses and the numbers of rows are: nothing is learned from such. */
export function areNearlyUnique({ values, categories }: Categories): boolean {
  if (categories.length <= FEW_CATEGORIES) return false;
  const counts = new Uint32Array(categories.length);
  for (const place of values) counts[place]! += 1;
  return 2 * counts.filter((count) => count === 1).length > values.length;
}

/** Throws with a sentence about this column. */
export type RefuseColumn = (sentence: string) => never;

export class UnknownColumn {
  private readonly name: string;
  private readonly refuseFile: RefuseColumn;
  private readonly numbers = new GrowingValues((length) => new Float64Array(length));
  /** Undefined where there are too many. */
  private categories:
    { codes: GrowingValues<Int32Array>; byText: Map<string, number> } | undefined = {
    codes: new GrowingValues((length) => new Int32Array(length)),
    byText: new Map(),
  };
  private rowCount = 0;
  private numberCount = 0;
  private firstText: { row: number; cell: string } | undefined;
  private firstOtherNumber: { row: number; cell: string } | undefined;
  private hasWords = false;
  /** Whether all cells so far are numbers, in one notation or another. */
  private isNumeric = true;

  /** @param refuse throws with a sentence, to which it adds the file */
  constructor(name: string, refuse: RefuseColumn) {
    this.name = name;
    this.refuseFile = refuse;
  }

  add(cell: string): void {
    this.rowCount++;
    if (cell === "")
      this.refuse(this.rowCount, "the cell is empty. Fill it in, or remove the row or the column.");
    this.addNumber(cell);
    this.addCategory(cell);
    if (this.categories === undefined && this.firstText) this.refuseMixture(this.firstText);
  }

  /** @throws what `refuse` throws, where the cells are neither numbers nor a few categories */
  finish(): ColumnValues {
    if (!this.firstText) return { kind: "number", values: this.numbers.finish() };
    // One word among numbers is a mistake, and not a category.
    const isMixture = !this.hasWords || 2 * this.numberCount > this.rowCount;
    if (isMixture && this.numberCount > 0) this.refuseMixture(this.firstText);
    if (this.isNumeric && this.firstOtherNumber) this.refuseNotation(this.firstOtherNumber);
    return this.finishCategories();
  }

  get hasText(): boolean {
    return this.firstText !== undefined;
  }

  /** As `finish`, for a column that is to be categories whatever is in it. */
  finishCategories(): Categories {
    if (!this.categories) return this.refuseCount();
    const { codes, byText } = this.categories;
    const texts = [...byText.keys()];
    const categories = texts.toSorted(compareCodePoints);
    const places = new Map(categories.map((text, place) => [text, place]));
    const placeOfCode = texts.map((text) => places.get(text)!);
    return {
      kind: "category",
      values: codes.finish().map((code) => placeOfCode[code]!),
      categories,
    };
  }

  private addNumber(cell: string): void {
    if (isNumber(cell)) {
      const value = Number(cell);
      if (!fitsFloat32(value)) this.refuse(this.rowCount, `${quote(cell)} is too large a number.`);
      this.numberCount++;
      this.numbers.push(value);
      return;
    }
    this.firstText ??= { row: this.rowCount, cell };
    this.hasWords ||= !isMissing(cell);
    if (this.isNumeric && isOtherNumber(cell)) {
      this.firstOtherNumber ??= { row: this.rowCount, cell };
    } else this.isNumeric = false;
    this.numbers.push(0);
  }

  private addCategory(cell: string): void {
    if (!this.categories) return;
    const { codes, byText } = this.categories;
    let code = byText.get(cell);
    if (code === undefined) {
      code = byText.size;
      byText.set(cell, code);
      if (byText.size > MAX_CATEGORIES || cell.length > MAX_CELL_NAME_LENGTH) {
        this.categories = undefined;
        return;
      }
    }
    codes.push(code);
  }

  private refuseNotation({ row, cell }: { row: number; cell: string }): never {
    return this.refuse(
      row,
      `${quote(cell)} is no number as tables have it. Write decimal digits, a point before decimals, nothing between thousands, no sign behind, and no infinity; if the column holds categories, begin each with a letter.`,
    );
  }

  private refuseMixture({ row, cell }: { row: number; cell: string }): never {
    if (!this.hasWords && this.numberCount > 0) {
      return this.refuse(
        row,
        `${quote(cell)} stands for a missing value. Fill it in, or remove the row.`,
      );
    }
    if (this.isNumeric && this.firstOtherNumber) this.refuseNotation(this.firstOtherNumber);
    if (2 * this.numberCount <= this.rowCount) return this.refuseCount();
    return this.refuse(
      row,
      `${quote(cell)} is no number, and ${this.numberCount} of the column's ${this.rowCount} cells up to here are. Correct it; if the column holds categories, begin each with a letter.`,
    );
  }

  private refuseCount(): never {
    return this.refuseFile(
      `column ${quote(this.name)} holds texts, more than ${MAX_CATEGORIES} different ones or some of more than ${MAX_CELL_NAME_LENGTH} characters: too many for categories. Remove the column.`,
    );
  }

  private refuse(row: number, sentence: string): never {
    return this.refuseFile(`row ${row}, column ${quote(this.name)}: ${sentence}`);
  }
}
