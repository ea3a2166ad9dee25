// Tables as data: what columns become, how rows are split, what stays the same when read again, and what is refused by file, row
// and column. test/shared/data/fixtures/make.py made the fixtures with Python's csv module.
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { resolveConfig } from "../../../src/run/run-choices.js";
import type { RunConfig } from "../../../src/shared/config.js";
import { type DataOptions, openData } from "../../../src/shared/data/files/open-data.js";
import type { DataSource, Samples, SampleSet } from "../../../src/shared/data/samples.js";
import { temporaryFolder } from "../../support/data.js";

const FIXTURES = join(import.meta.dirname, "fixtures");
const folder = temporaryFolder();

let fileCount = 0;
function write(text: string | Uint8Array, ending = "csv"): string {
  const path = join(folder, `table${fileCount++}.${ending}`);
  writeFileSync(path, text);
  return path;
}

function writePair(training: string, test: string): string {
  const path = join(folder, `tables${fileCount++}`);
  mkdirSync(path);
  writeFileSync(join(path, "train.csv"), training);
  writeFileSync(join(path, "test.csv"), test);
  return path;
}

const open = (path: string, options: DataOptions = {}) =>
  openData(path, { validationSize: 0, label: "kind", ...options });
const all = async (set: SampleSet): Promise<Samples> =>
  set.gather(Uint32Array.from({ length: set.count }, (_, index) => index));
const rowsOf = async (set: SampleSet) => {
  const { count, inputs, targets } = await all(set);
  const size = inputs.length / count;
  return Array.from(targets, (target, row) => [
    ...inputs.subarray(row * size, (row + 1) * size),
    target,
  ]);
};
const sumOf = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0);
const configOf = (data: DataSource): RunConfig =>
  resolveConfig({ engine: "wasm" }, { data, steps: 1, defaultShards: 1 });

/** A header and rows of length, colour and kind. */
function flowers(count: number, colours = ["red", "blue"]): string {
  const rows = Array.from({ length: count }, (_, row) => {
    return `${row % 7}.5,${colours[row % colours.length]},${row % 3 === 0 ? "rose" : "tulip"}`;
  });
  return ["length,colour,kind", ...rows].join("\n");
}

describe("columns", () => {
  test("numbers are standardised by the training rows, and categories are one-hot by their code points", async () => {
    const table = writePair(
      "x,same,colour,kind\n1,5,\u{1f600},b\n3,5,\ufffd,a\n5,5,a,b\n",
      "kind,colour,x,more,same\na,a,7,0,6\n",
    );
    const data = await open(table);
    const scale = Math.sqrt(8 / 3);
    expect(data.table).toEqual({
      columns: [
        { name: "x", kind: "number", mean: 3, scale },
        { name: "same", kind: "number", mean: 5, scale: 1 },
        { name: "colour", kind: "category", categories: ["a", "\ufffd", "\u{1f600}"] },
      ],
      label: "kind",
    });
    expect([data.inputShape, data.inputType]).toEqual([[5], "float32"]);
    expect(data.classNames).toEqual(["a", "b"]);
    // Convolutions would find nothing.
    expect(configOf(data).network.layers[0]?.layer.kind).toBe("dense");
    const z = Math.fround(2 / scale);
    expect((await rowsOf(data.training)).sort()).toEqual(
      [
        [-z, 0, 0, 0, 1, 1],
        [0, 0, 0, 1, 0, 0],
        [z, 0, 1, 0, 0, 1],
      ].sort(),
    );
    expect(await rowsOf(data.test)).toEqual([[Math.fround(4 / scale), 1, 1, 0, 0, 0]]);
  });

  test("rows that are held out have no part in mean and standard deviation", async () => {
    const text = `x,kind\n${Array.from({ length: 50 }, (_, row) => `${row * row},${row % 2 ? "a" : "b"}`).join("\n")}`;
    const data = await open(write(text), { validationSize: 15 });
    const [column] = data.table!.columns;
    const scaled = (await all(data.training)).inputs;
    const mean = sumOf(scaled) / scaled.length;
    const squares = Array.from(scaled, (value) => (value - mean) ** 2);
    const variance = sumOf(squares) / scaled.length;
    expect(Math.abs(mean)).toBeLessThan(1e-6);
    expect(Math.abs(variance - 1)).toBeLessThan(1e-6);
    const whole = await open(write(text));
    expect(whole.table!.columns[0]).not.toEqual(column);
  });

  test("a constant column is 0, however its mean is rounded", async () => {
    const data = await open(write(`x,y,kind\n${"0.1,1,a\n0.1,2,b\n".repeat(33)}`));
    expect(data.table!.columns[0]).toEqual({ name: "x", kind: "number", mean: 0.1, scale: 1 });
  });
});

describe("labels", () => {
  const column = (cells: readonly (string | number)[]) =>
    write(`x,kind\n${cells.map((cell, row) => `${row},${cell}`).join("\n")}\n`);
  const cycle = (values: readonly (string | number)[], count: number) =>
    Array.from({ length: count }, (_, row) => values[row % values.length]!);

  test.each([
    ["texts", cycle(["no", "yes"], 10), ["no", "yes"]],
    ["few whole numbers, in their order", cycle([10, 9, "9.0", -1], 20), ["-1", "9", "10"]],
    ["the numbers 0 and 1", cycle([0, 1], 10), ["0", "1"]],
  ])("%s are classes", async (_name, cells, names) => {
    const data = await open(column(cells));
    expect(data.target).toEqual({ kind: "classes", count: names.length });
    expect(data.classNames).toEqual(names);
    const places = (await rowsOf(data.training)).map(([, target]) => target);
    expect(new Set(places)).toEqual(new Set(names.keys()));
  });

  test.each([
    ["numbers with fractions", cycle([0.5, 1.5], 40)],
    ["whole numbers that hardly repeat", cycle([1, 2, 3, 4, 5, 6, 7, 8], 24)],
  ])("%s are values", async (_name, cells) => {
    const data = await open(column(cells));
    expect(data.target).toEqual({ kind: "values", count: 1 });
    expect(data.classNames).toBeUndefined();
    const found = [...(await all(data.training)).targets, ...(await all(data.test)).targets];
    expect(found.toSorted()).toEqual(cells.toSorted());
  });

  test("--label-kind has the last word", async () => {
    const values = await open(column(cycle([0, 1], 20)), { labelKind: "values" });
    expect(values.target).toEqual({ kind: "values", count: 1 });
    const classes = await open(column(cycle([2.5, 10, 1], 9)), { labelKind: "classes" });
    expect(classes.classNames).toEqual(["1", "2.5", "10"]);
  });

  test.each(["label", "Target", "CLASS"])("a column called %s needs no option", async (name) => {
    const table = write(flowers(20).replace("kind", name));
    expect((await open(table, { label: undefined })).table?.label).toBe(name);
  });
});

describe("rows", () => {
  test("a fifth of each class is tested on, the same rows for every validation size", async () => {
    const table = write(flowers(300));
    const [none, some] = [await open(table), await open(table, { validationSize: 40 })];
    expect([none.training.count, none.validation.count, none.test.count]).toEqual([240, 0, 60]);
    expect([some.training.count, some.validation.count, some.test.count]).toEqual([200, 40, 60]);
    const count = async (set: SampleSet) => sumOf((await all(set)).targets);
    expect(await count(none.test)).toBe(40);
    expect((await all(none.test)).targets).toEqual((await all(some.test)).targets);
    expect(none.digest).toBe(some.digest);
  });

  test("by default a tenth of the training rows is held out", async () => {
    const data = await open(write(flowers(300)), { validationSize: undefined });
    expect(data.validation.count).toBe(24);
    expect(data.description).toBe(
      'table with 1 column of numbers and 1 column of categories, 2 classes in "kind": 216 training, 24 validation, 60 test rows (a fifth, drawn with a fixed seed)',
    );
  });

  test("rows that are sorted by class are shuffled before some are held out", async () => {
    const sorted = `x,kind\n${"1,a\n".repeat(100)}${"2,b\n".repeat(100)}`;
    const data = await open(writePair(sorted, "x,kind\n1,a"), { validationSize: 60 });
    const { targets } = await all(data.validation);
    const ofSecond = sumOf(targets);
    expect(ofSecond).toBeGreaterThan(15);
    expect(ofSecond).toBeLessThan(45);
  });
});

describe("known tables", () => {
  test("the same file gives the same samples", async () => {
    const table = write(flowers(60));
    const first = await open(table, { validationSize: 9 });
    const again = await openData(table, { validationSize: 9, known: configOf(first) });
    for (const set of ["training", "validation", "test"] as const) {
      expect(await all(again[set])).toEqual(await all(first[set]));
    }
    expect([again.digest, again.table]).toEqual([first.digest, first.table]);
    expect(again.classNames).toEqual(first.classNames);
  });

  test("all rows of another file are test rows, encoded as the first one's", async () => {
    const first = await open(write(flowers(60)));
    const other = await openData(write("kind,length,colour\ntulip,100,red\n"), {
      known: configOf(first),
    });
    const column = first.table!.columns[0]!;
    if (column.kind !== "number") throw new Error("no number");
    const length = Math.fround((100 - column.mean) / column.scale);
    expect(await rowsOf(other.test)).toEqual([[length, 0, 1, 1]]);
    expect(other.validation.count).toBe(0);
  });

  test("classes that are numbers are found without names", async () => {
    const text = `x,kind\n${Array.from({ length: 40 }, (_, row) => `${row},${row % 4}`).join("\n")}`;
    const known = configOf(await open(write(text)));
    expect(known.data.classNames).toBeUndefined();
    const other = await openData(write("x,kind\n1,3.0\n2,0"), { known });
    expect([...(await all(other.test)).targets]).toEqual([3, 0]);
  });

  test.each<[string, DataOptions, string, RegExp]>([
    ["another --label", { label: "length" }, flowers(9), /--label length contradicts.*"kind"/],
    [
      "another --label-kind",
      { labelKind: "values" },
      flowers(9),
      /--label-kind values contradicts/,
    ],
    [
      "an unknown category",
      {},
      flowers(9, ["red", "green"]),
      /row 2, column "colour": "green" is not a category/,
    ],
    [
      "an unknown class",
      {},
      `${flowers(2)}\n1,red,lily`,
      /row 3, column "kind": "lily" is not a class/,
    ],
    ["no column of that name", {}, "length,kind\n1,rose", /lacks the column "colour"/],
    ["no label", {}, "length,colour\n1,red", /no column "kind", which is the label/],
    [
      "a missing cell",
      {},
      "length,colour,kind\n,red,rose",
      /row 1, column "length": the cell is empty/,
    ],
    [
      "no number",
      {},
      "length,colour,kind\nlong,red,rose",
      /row 1, column "length": "long" is not a number/,
    ],
  ])("refuses %s", async (_name, options, text, sentence) => {
    const known = configOf(await open(write(flowers(60))));
    await expect(openData(write(text), { known, ...options })).rejects.toThrow(sentence);
  });
});

describe("files", () => {
  test.each(["excel.csv", "excel.tsv", "unix.csv", "semicolon.csv"])(
    "%s, as Python writes it",
    async (name) => {
      const data = await open(join(FIXTURES, name), { label: 'the "kind"' });
      const columns = data.table!.columns.map(({ name: column, kind }) => [column, kind]);
      expect(columns).toEqual([
        ["size", "number"],
        ["colour, of it", "category"],
      ]);
      expect(data.table!.columns[1]).toMatchObject({ categories: ["red", "très pâle"] });
      expect(data.classNames).toEqual(['a "dog",\nlarge', "cat"]);
      expect(data.training.count + data.test.count).toBe(20);
    },
  );

  test("gzipped, with spaces around cells and empty lines, the samples are the same", async () => {
    const plain = await open(write(flowers(30)));
    const spaced = flowers(30).replaceAll(",", " , ").replaceAll("\n", "\r\n\r\n");
    const other = await open(write(gzipSync(spaced), "csv.gz"));
    expect(await all(other.training)).toEqual(await all(plain.training));
  });

  test("a table is recognized without its ending", async () => {
    expect((await open(write(flowers(30), "txt"))).kind).toBe("table");
  });

  test("the digest is that of rows and label", async () => {
    const table = write(flowers(30));
    const { digest } = await open(table);
    expect((await open(write(flowers(30)))).digest).toBe(digest);
    expect((await open(table, { label: "colour" })).digest).not.toBe(digest);
    expect((await open(write(flowers(31)))).digest).not.toBe(digest);
  });
});

const latin1 = Buffer.from("x,kind\n1,caf\u00e9\n2,b\n", "latin1");
const many = (count: number, cell: (row: number) => string) =>
  `x,kind\n${Array.from({ length: count }, (_, row) => `${cell(row)},${row % 2 ? "a" : "b"}`).join("\n")}`;

test.each<[string, string | Uint8Array, RegExp, DataOptions?]>([
  ["an empty file", "", /is empty/],
  ["a header alone", "x,kind\n", /a header but no rows/],
  ["no header", "1,2\n3,4\n", /first row contains numbers/],
  ...["3,14", "1 000,5", "1,234,567", "12 %", "$5", "-inf", "0x1F", "-0b101", "0o17"].map(
    (cell): [string, string, RegExp] => [
      `a column of numbers such as ${cell}`,
      many(30, (row) => (row % 3 ? `"${cell}"` : String(row))),
      /row 2, column "x": ".*" is not a plain decimal number\. Write digits with a decimal point/,
    ],
  ),
  [
    "a missing label among words",
    "x,kind\n1,a\n2,b\n3,NaN\n4,a\n",
    /row 3, column "kind": "NaN" stands for a missing label/,
  ],
  ["a missing cell", "x,kind\n1,a\n,b\n", /row 2, column "x": the cell is empty/],
  [
    "a marker for a missing cell",
    "x,kind\n1,a\nNA,b\n3,a\n",
    /row 2, column "x": "NA" stands for a missing value/,
  ],
  [
    "a word among numbers",
    many(9, (row) => (row === 6 ? "1O" : `${row}`)),
    /row 7, column "x": "1O" is not a number, but 8 of/,
  ],
  [
    "infinity",
    "x,kind\n1,a\nInfinity,b\n3,a\n",
    /row 2, column "x": "Infinity" is not a plain decimal number/,
  ],
  ["too large a number", "x,kind\n1,a\n1e39,b\n", /row 2, column "x": "1e39" is too large/],
  ["too many cells", "x,kind\n1,a\n1,2,b\n", /row 2 has 3 cells, but the header has 2/],
  ["too few cells", "x,y,kind\n1,2,a\n1,b\n", /row 2 has 2 cells, but the header has 3/],
  [
    "a column without a name",
    ",x,kind\n0,1,a\n",
    /column 1 of its header has no name.*index=False/,
  ],
  ["two columns of one name", "x,kind,x\n0,a,1\n", /columns 1 and 3 are both named "x"/],
  [
    "a name that is too long",
    `${"x".repeat(101)},kind\n1,a`,
    /the name of column 1.*101 characters/,
  ],
  [
    "too many columns",
    `${Array.from({ length: 1002 }, (_, index) => `c${index}`).join(",")}\n`,
    /has 1002 columns/,
  ],
  [
    "no column of that name",
    "x,y\n1,a\n",
    /no column "kind" \(--label\)\. Its columns are "x", "y"/,
  ],
  ["no --label", "x,y\n1,a\n", /--label must name.*Its columns are "x", "y"/, { label: undefined }],
  ["two usual labels", "label,target\n1,2\n", /--label must name/, { label: undefined }],
  ["nothing beside the label", "kind\na\nb\n", /no column besides the label/],
  ["one class", "x,kind\n1,a\n2,a\n", /all rows have the same label, "a"/],
  ["a label that is missing", "x,kind\n1,a\n2,\n", /row 2, column "kind": the cell is empty/],
  [
    "texts as values",
    "x,kind\n1,a\n2,b\n",
    /--label-kind values: "a" in column "kind"/,
    { labelKind: "values" },
  ],
  [
    "too many classes",
    many(2500, (row) => `${row}`).replaceAll(/[ab]$/gm, (text, at) => `${text}${at}`),
    /column "kind" contains more than 1000/,
  ],
  ["too many categories", many(2500, (row) => `t${row}`), /column "x" contains more than 1000/],
  [
    "too many categories together",
    `x,y,kind\n${Array.from({ length: 1800 }, (_, row) => `t${row >> 1},${row % 4 > 1 ? `u${row >> 2}` : "u"},${row % 2 ? "a" : "b"}`).join("\n")}`,
    /1351 categories together, 900 of them in "x"/,
  ],
  [
    "a column of hexadecimal numbers",
    many(300, (row) => `0x${(row * 7).toString(16)}`),
    /row 1, column "x": "0x0" is not a plain decimal number/,
  ],
  [
    "a column of texts of which each row has its own",
    many(300, (row) => `name ${row}`),
    /column "x" contains 300 different texts in 300 rows, most of them in one row only.*Remove/,
  ],
  [
    "labels of which each row has its own",
    many(300, (row) => `${row}`).replaceAll(/[ab]$/gm, (text, at) => `${text}${at}`),
    /column "kind" contains 300 different texts in 300 rows, .*Give another --label/,
  ],
  [
    "a column of nan",
    many(30, () => "nan"),
    /column "x" contains nothing but "nan", which stands for/,
  ],
  [
    "a column of signs for missing values",
    many(30, (row) => (row % 2 ? "-" : "n/a")),
    /column "x" contains nothing but "-", "n\/a", which stands for missing values\. Remove/,
  ],
  ["an empty column", many(30, () => ""), /row 1, column "x": the cell is empty.*or the column/],
  [
    "a quote that is not closed",
    'x,kind\n1,a\n2,"b\n3,a\n',
    /row 2 has a quote that is never closed/,
  ],
  ["a quote within a cell", 'x,kind\n1,a\n2,b"c"\n', /row 2 has a quote within a cell/],
  ["text behind a quote", 'x,kind\n1,a\n2,"b"c\n', /row 2 has text behind a closing quote/],
  ["Latin-1", latin1, /is not UTF-8/],
  ["UTF-16", Buffer.from("\ufeffx,kind\n1,a\n", "utf16le"), /is UTF-16/],
  ["zeros", "x,kind\n1,a\0\n", /zero/],
  ["a damaged gzip", gzipSync(flowers(3000)).subarray(0, 60), /cannot be read/],
])("refuses %s", async (_name, text, sentence, options = {}) => {
  const file = write(text);
  const refused = expect(open(file, options)).rejects;
  await refused.toThrow(sentence);
  await expect(open(file, options)).rejects.toMatchObject({ code: "data-table", exitCode: 2 });
});

test("texts of which some rows have their own are categories, and texts that are said to be classes are", async () => {
  const some = many(60, (row) => (row % 3 === 0 ? `t${row}` : `u${row % 20}`));
  expect((await open(write(some))).table!.columns[0]).toMatchObject({ kind: "category" });
  const few = many(20, (row) => `t${row}`);
  expect((await open(write(few))).table!.columns[0]).toMatchObject({ kind: "category" });
  const own = many(30, (row) => `${row}`).replaceAll(/[ab]$/gm, (text, at) => `${text}${at}`);
  const data = await open(write(own), { labelKind: "classes" });
  expect(data.target).toEqual({ kind: "classes", count: 30 });
});

test("a test row that is infinite when it is standardised", async () => {
  const near = `x,kind\n${"1e-38,a\n2e-38,b\n".repeat(9)}`;
  const table = writePair(near, "x,kind\n1,a\n1e38,b\n");
  await expect(open(table)).rejects.toThrow(/test\.csv: row 2, column "x": 1e\+38 is too far/);
});

test("a test file's rows are refused by their own file", async () => {
  const table = writePair(flowers(30), "length,colour,kind\n1,green,rose\n");
  await expect(open(table)).rejects.toThrow(
    /test\.csv: row 1, column "colour": "green" is not a cat/,
  );
});

test.skipIf(process.platform !== "linux")("a table that is refused early is closed", async () => {
  const table = write(flowers(50_000).replace("kind", "sort"));
  await expect(open(table)).rejects.toThrow(/no column "kind"/);
  await expect
    .poll(() =>
      readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === table;
        } catch {
          return false; // that of the listing itself
        }
      }),
    )
    .toEqual([]);
});
