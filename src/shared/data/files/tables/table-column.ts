// A column whose kind is not known yet: collects the cells both as numbers and as categories, and decides when all rows have been
// read. Pure.
import { quote } from "../../../network/problem.js";
import { MAX_CATEGORIES, MAX_CELL_NAME_LENGTH } from "../../table.js";
import { compareCodePoints } from "../bad-data.js";
import { fitsFloat32, GrowingValues, isMissing, isNumber, isOtherNumber } from "./table-cells.js";

/** The values of a column, of all rows. */
export type ColumnValues =
  | { kind: "number"; values: Float64Array }
  /** Indices into the categories, which are sorted by code points. */
  | { kind: "category"; values: Int32Array; categories: readonly string[] };

type Categories = Extract<ColumnValues, { kind: "category" }>;

/** This many categories are always allowed, however few rows each has. */
const FEW_CATEGORIES = 20;

/** Whether most categories occur in one row only, as names, addresses and ids do. Nothing can be learned from these. */
export function areNearlyUnique({ values, categories }: Categories): boolean {
  if (categories.length <= FEW_CATEGORIES) return false;
  const counts = new Uint32Array(categories.length);
  for (const place of values) counts[place]! += 1;
  return 2 * counts.filter((count) => count === 1).length > values.length;
}

/** Throws an error about this column. */
export type RefuseColumn = (sentence: string) => never;

export class UnknownColumn {
  private readonly name: string;
  private readonly refuseFile: RefuseColumn;
  private readonly numbers = new GrowingValues((length) => new Float64Array(length));
  /** Undefined if there are too many. */
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
  /** Whether all cells so far are numbers in some notation. */
  private isNumeric = true;

  /** @param refuse adds the file to the sentence, and throws */
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

  /** @throws what `refuse` throws, if the cells are neither numbers nor a limited number of categories */
  finish(): ColumnValues {
    if (!this.firstText) return { kind: "number", values: this.numbers.finish() };
    // One word among numbers is a mistake, not a category.
    const isMixture = !this.hasWords || 2 * this.numberCount > this.rowCount;
    if (isMixture && this.numberCount > 0) this.refuseMixture(this.firstText);
    if (this.isNumeric && this.firstOtherNumber) this.refuseNotation(this.firstOtherNumber);
    return this.finishCategories();
  }

  get hasText(): boolean {
    return this.firstText !== undefined;
  }

  /** As `finish`, but always returns categories. */
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
      `${quote(cell)} is not a plain decimal number. Write digits with a decimal point, without thousands separators, units or infinity; if the column contains categories, begin each with a letter.`,
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
      `${quote(cell)} is not a number, but ${this.numberCount} of the column's ${this.rowCount} cells up to here are. Correct it; if the column contains categories, begin each with a letter.`,
    );
  }

  private refuseCount(): never {
    return this.refuseFile(
      `column ${quote(this.name)} contains more than ${MAX_CATEGORIES} different texts, or texts of more than ${MAX_CELL_NAME_LENGTH} characters: too many for categories. Remove the column.`,
    );
  }

  private refuse(row: number, sentence: string): never {
    return this.refuseFile(`row ${row}, column ${quote(this.name)}: ${sentence}`);
  }
}
