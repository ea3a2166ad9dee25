// A CSV or TSV file, or a folder with train.csv and test.csv → a data source. What the training rows say about the columns is kept
// with the run, and read back where a run goes on or a checkpoint is evaluated.
import { createHash } from "node:crypto";
import type { RunConfig } from "../../config.js";
import { quote } from "../../network/problem.js";
import type { DataSource, TargetSpec } from "../samples.js";
import { type Division, divideSamples } from "../divide-samples.js";
import { MAX_CATEGORIES, type TableColumn, type TableSpec } from "../table.js";
import { pathText, type Refuse, refuseWith } from "./bad-data.js";
import type { DataOptions } from "./data-kind.js";
import { describeTable } from "./table-description.js";
import { type ColumnValues, UnknownColumn } from "./table-column.js";
import { findLabel, type Labels, learnLabels, readLabel } from "./table-label.js";
import {
  checkRange,
  inputSize,
  KnownColumns,
  type RowValues,
  standardise,
  TableSet,
} from "./table-rows.js";
import { openTableText } from "./table-text.js";

interface Table {
  values: RowValues;
  targets: Int32Array | Float32Array;
  /** SHA-256 of the file. */
  digest: string;
}

/** What is known of a table when its training rows have been read. */
interface Knowledge {
  spec: TableSpec;
  target: TargetSpec;
  classNames: readonly string[] | undefined;
}

/** Of all rows of one file: 1 GiB of numbers. */
const MAX_CELLS = 2 ** 27;

const refuse: Refuse = refuseWith("data-table");

/** One file for all rows, or one for training and one for tests. */
export interface TableFiles {
  training: string;
  test?: string | undefined;
}

/**
 * @returns rows as float32 inputs [features]: numbers standardised with mean and standard deviation of the training rows, and an
 * input for each category. Without a file of test rows, a fifth of the rows are test rows. Rows are shuffled before they are divided
 * @throws TandemError `data-table`, naming file, row and column; `data-too-small`; `resume-contradiction`
 */
export async function loadTable(files: TableFiles, options: DataOptions): Promise<DataSource> {
  const { known } = options;
  if (known) checkKnown(files.training, known, options);
  const { training: file } = files;
  const table = known?.data.table
    ? await readKnown(file, knowledgeOf(known, known.data.table))
    : await learnTable(file, files.test, options);
  const { knowledge } = table;
  const test = files.test === undefined ? undefined : await readKnown(files.test, knowledge);
  const digest = digestOf(knowledge, test ? [table.digest, test.digest] : [table.digest]);
  // A table that is not the one that was trained on is there to be evaluated on.
  const isOther = known !== undefined && known.data.digest !== digest && !test;
  const rows = isOther
    ? { training: allRows(table), validation: new Uint32Array(), test: allRows(table) }
    : divideRows(file, table.targets, test !== undefined, options);
  checkRange(file, knowledge.spec, table.values, refuse);
  if (files.test !== undefined && test) checkRange(files.test, knowledge.spec, test.values, refuse);
  const setOf = ({ values, targets }: Table, indices: Uint32Array) =>
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
  const split = test ? "file" : isOther ? "all" : "drawn";
  return { ...source, description: describeTable(source, knowledge.spec, split) };
}

/** What the options and the configuration say about each other. */
function checkKnown(file: string, { data }: RunConfig, { label, labelKind }: DataOptions): void {
  if (!data.table) {
    refuse(
      file,
      "it is a table, and the checkpoint was not trained on one. Give data of the kind that it was trained on.",
    );
  }
  if (label !== undefined && label !== data.table.label) {
    refuse(
      file,
      `--label ${label} contradicts the checkpoint, whose label is ${quote(data.table.label)}. Leave the option out.`,
    );
  }
  if (labelKind !== undefined && labelKind !== data.target.kind) {
    refuse(
      file,
      `--label-kind ${labelKind} contradicts the checkpoint, whose labels are ${data.target.kind}. Leave the option out.`,
    );
  }
}

/** Classes whose names are their numbers have no names in a configuration. */
function knowledgeOf({ data }: RunConfig, spec: TableSpec): Knowledge {
  const { target, classNames } = data;
  if (target.kind === "values") return { spec, target, classNames: undefined };
  const names = classNames ?? Array.from({ length: target.count }, (_, index) => String(index));
  return { spec, target, classNames: names };
}

type KnownTable = Table & { knowledge: Knowledge };

async function readKnown(file: string, knowledge: Knowledge): Promise<KnownTable> {
  const { spec, target, classNames } = knowledge;
  const { header, rows, digest } = await openFile(file);
  const labelPlace = header.indexOf(spec.label);
  if (labelPlace < 0)
    refuse(file, `it has no column ${quote(spec.label)}, which is to be predicted.`);
  const columns = new KnownColumns(file, header, spec, refuse);
  const places = classNames ? new Map(classNames.map((name, place) => [name, place])) : undefined;
  const targets: number[] = [];
  for await (const cells of rows) {
    columns.add(cells);
    const label = readLabel(cells[labelPlace]!, places);
    if (label === undefined) {
      const problem = target.kind === "classes" ? "no class of the training rows" : "no number";
      refuse(
        file,
        `row ${targets.length + 1}, column ${quote(spec.label)}: ${quote(cells[labelPlace]!)} is ${problem}.`,
      );
    }
    checkCellCount(file, targets.push(label), header.length);
  }
  if (targets.length === 0) refuse(file, "it has a header and no rows.");
  return {
    knowledge,
    values: columns.finish(),
    targets: target.kind === "classes" ? Int32Array.from(targets) : Float32Array.from(targets),
    digest: digest(),
  };
}

/** Reads training rows of which nothing is known. */
async function learnTable(
  file: string,
  testFile: string | undefined,
  options: DataOptions,
): Promise<KnownTable> {
  const { header, rows, digest } = await openFile(file);
  const labelPlace = findLabel(file, header, options.label, refuse);
  const unknown = header.map(
    (name) => new UnknownColumn(name, (sentence) => refuse(file, sentence)),
  );
  let rowCount = 0;
  for await (const cells of rows) {
    unknown.forEach((column, place) => column.add(cells[place]!));
    checkCellCount(file, ++rowCount, header.length);
  }
  if (rowCount === 0) refuse(file, "it has a header and no rows.");
  const labels = learnLabels(
    file,
    header[labelPlace]!,
    unknown[labelPlace]!,
    options.labelKind,
    refuse,
  );
  const columns = unknown.flatMap((column, place) =>
    place === labelPlace ? [] : [{ name: header[place]!, values: column.finish() }],
  );
  const { target, targets, classNames } = labels;
  const { training } = divideRows(file, targets, testFile !== undefined, options);
  const spec = { columns: learnColumns(file, columns, training), label: header[labelPlace]! };
  return {
    knowledge: { spec, target, classNames },
    values: columns.map(({ values }) => values.values),
    targets,
    digest: digest(),
  };
}

function learnColumns(
  file: string,
  columns: readonly { name: string; values: ColumnValues }[],
  training: Uint32Array,
): TableColumn[] {
  if (columns.length === 0) refuse(file, "it has no column beside the label.");
  const count = columns.reduce(
    (sum, { values }) => sum + (values.kind === "category" ? values.categories.length : 0),
    0,
  );
  if (count > MAX_CATEGORIES) {
    const size = ({ values }: (typeof columns)[number]) =>
      values.kind === "category" ? values.categories.length : 0;
    const [largest] = columns.toSorted((a, b) => size(b) - size(a));
    refuse(
      file,
      `its columns of texts have ${count} categories together, ${size(largest!)} of them in ${quote(largest!.name)}, and at most ${MAX_CATEGORIES} are possible. Remove that column.`,
    );
  }
  return columns.map(({ name, values }) =>
    values.kind === "number"
      ? { name, kind: "number", ...standardise(values.values, training) }
      : { name, kind: "category", categories: [...values.categories] },
  );
}

/** Which rows of the training file are used for what. */
function divideRows(
  file: string,
  targets: Labels["targets"],
  hasTest: boolean,
  { validationSize }: DataOptions,
): Division {
  const classes = targets instanceof Int32Array ? targets : undefined;
  return divideSamples(targets.length, { classes, hasTest, validationSize, where: pathText(file) });
}

function allRows({ targets }: Table): Uint32Array {
  return Uint32Array.from({ length: targets.length }, (_, row) => row);
}

async function openFile(file: string) {
  const hash = createHash("sha256");
  const { header, rows } = await openTableText(file, {
    refuse,
    onBytes: (bytes) => hash.update(bytes),
  });
  if (!header)
    refuse(
      file,
      "its first row is one of numbers. Give a table with a header, a first row with the columns' names.",
    );
  return { header, rows, digest: () => hash.digest("hex") };
}

function checkCellCount(file: string, rowCount: number, columnCount: number): void {
  if (rowCount * columnCount <= MAX_CELLS) return;
  refuse(
    file,
    `it has more than ${MAX_CELLS} cells, and tables are read into memory. Give the data as NPY.`,
  );
}

/** Of the files and of what is to be predicted: the same rows with another label are other data. */
function digestOf({ spec, target }: Knowledge, files: readonly string[]): string {
  const content = { format: "tandem-table/1", label: spec.label, kind: target.kind, files };
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
