// A CSV or TSV file, or a folder with train.csv and test.csv → a data source. What was learned about the columns from the training
// rows is part of the run's configuration, and used again when a run is resumed or a checkpoint is evaluated.
import { createHash } from "node:crypto";
import type { RunConfig } from "../../../config.js";
import { quote } from "../../../network/problem.js";
import type { DataSource } from "../../samples.js";
import { type Split, splitShuffled } from "../../split.js";
import type { TableSpec } from "../../table.js";
import { pathText } from "../bad-data.js";
import type { DataOptions } from "../data-kind.js";
import { describeTable } from "./table-description.js";
import {
  learnTable,
  readKnownTable,
  refuseTable,
  type TableKnowledge,
  type TableRows,
} from "./table-reading.js";
import { checkRange, inputSize, TableSet } from "./table-rows.js";

/** One file for all rows, or one for training and one for tests. */
export interface TableFiles {
  training: string;
  test?: string | undefined;
}

/**
 * @returns rows as float32 inputs [features]: numbers standardised with mean and standard deviation of the training rows, and one
 * input per category. Without a test file, a fifth of the rows are test rows. Rows are shuffled before they are split
 * @throws TandemError `data-table`, naming file, row and column; `data-too-small`; `resume-contradiction`
 */
export async function loadTable(files: TableFiles, options: DataOptions): Promise<DataSource> {
  const { known } = options;
  if (known) checkKnown(files.training, known, options);
  const { training: file, test: testFile } = files;
  const split = (targets: TableRows["targets"]) =>
    splitRows(file, targets, testFile !== undefined, options);
  const table = known?.data.table
    ? await readKnownTable(file, knowledgeOf(known, known.data.table))
    : await learnTable(file, options, (targets) => split(targets).training);
  const { knowledge } = table;
  const test = testFile === undefined ? undefined : await readKnownTable(testFile, knowledge);
  const digest = digestOf(knowledge, test ? [table.digest, test.digest] : [table.digest]);
  // A table other than the one that was trained on can only be for evaluation.
  const isOther = known !== undefined && known.data.digest !== digest && !test;
  const rows = isOther
    ? { training: allRows(table), validation: new Uint32Array(), test: allRows(table) }
    : split(table.targets);
  checkRange(file, knowledge.spec, table.values, refuseTable);
  if (test) checkRange(testFile!, knowledge.spec, test.values, refuseTable);
  const setOf = ({ values, targets }: TableRows, indices: Uint32Array) =>
    new TableSet(knowledge.spec, values, targets, indices);
  const source = {
    inputShape: [inputSize(knowledge.spec)],
    inputType: "float32" as const,
    target: knowledge.target,
    training: setOf(table, rows.training),
    validation: setOf(table, rows.validation),
    test: test ? setOf(test, allRows(test)) : setOf(table, rows.test),
    digest,
    ...(knowledge.classNames ? { classNames: knowledge.classNames } : {}),
    table: knowledge.spec,
  };
  const testRows = test ? "file" : isOther ? "all" : "drawn";
  return { ...source, description: describeTable(source, knowledge.spec, testRows) };
}

/** Checks the options against the configuration. */
function checkKnown(file: string, { data }: RunConfig, { label, labelKind }: DataOptions): void {
  if (!data.table) {
    refuseTable(
      file,
      "it is a table, but the checkpoint was not trained on one. Give data of the kind that it was trained on.",
    );
  }
  if (label !== undefined && label !== data.table.label) {
    refuseTable(
      file,
      `--label ${label} contradicts the checkpoint, whose label is ${quote(data.table.label)}. Leave the option out.`,
    );
  }
  if (labelKind !== undefined && labelKind !== data.target.kind) {
    refuseTable(
      file,
      `--label-kind ${labelKind} contradicts the checkpoint, whose labels are ${data.target.kind}. Leave the option out.`,
    );
  }
}

/** A configuration has no class names if they are the class numbers. */
function knowledgeOf({ data }: RunConfig, spec: TableSpec): TableKnowledge {
  const { target, classNames } = data;
  if (target.kind === "values") return { spec, target, classNames: undefined };
  const names = classNames ?? Array.from({ length: target.count }, (_, index) => String(index));
  return { spec, target, classNames: names };
}

/** Splits the rows of the training file. */
function splitRows(
  file: string,
  targets: TableRows["targets"],
  hasTest: boolean,
  { validationSize }: DataOptions,
): Split<Uint32Array> {
  const classes = targets instanceof Int32Array ? targets : undefined;
  const where = pathText(file);
  return splitShuffled(targets.length, { hasTest, validationSize, where }, classes);
}

function allRows({ targets }: TableRows): Uint32Array {
  return Uint32Array.from({ length: targets.length }, (_, row) => row);
}

/** Of the files and the label: the same rows with another label are different data. */
function digestOf({ spec, target }: TableKnowledge, files: readonly string[]): string {
  const content = { format: "tandem-table/1", label: spec.label, kind: target.kind, files };
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
