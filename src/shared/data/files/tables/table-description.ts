// Describes a table in one line. Pure.
import { quote } from "../../../network/problem.js";
import type { DataSource } from "../../samples.js";
import type { TableSpec } from "../../table.js";

type Described = Pick<DataSource, "target" | "training" | "validation" | "test">;

/** @param split where the test rows come from: drawn, from a separate file, or `all` rows of a table that was not trained on */
export function describeTable(
  { target, training, validation, test }: Described,
  { columns, label }: TableSpec,
  split: "drawn" | "file" | "all",
): string {
  const numbers = columns.filter(({ kind }) => kind === "number").length;
  const texts = columns.length - numbers;
  const kinds = [
    ...(numbers > 0 ? [countOf(numbers, "column of numbers", "columns of numbers")] : []),
    ...(texts > 0 ? [countOf(texts, "column of categories", "columns of categories")] : []),
  ].join(" and ");
  const targets = target.kind === "classes" ? `${format(target.count)} classes` : "values";
  const rows = `table with ${kinds}, ${targets} in ${quote(label)}`;
  if (split === "all") return `${rows}: ${format(test.count)} test rows`;
  const counts = `${format(training.count)} training, ${format(validation.count)} validation, ${format(test.count)} test rows`;
  return `${rows}: ${counts}${split === "drawn" ? " (a fifth, drawn with a fixed seed)" : ""}`;
}

function countOf(count: number, one: string, many: string): string {
  return `${format(count)} ${count === 1 ? one : many}`;
}

function format(count: number): string {
  return count.toLocaleString("en");
}
