// Tables as inputs: valid ones are read, invalid ones are refused with the row and the value.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readTable } from "../../src/predict/table-rows.js";
import { temporaryFolder } from "../support/data.js";

const FLOATS = { shape: [3], type: "float32" } as const;
const BYTES = { shape: [3], type: "uint8" } as const;

const file = join(temporaryFolder(), "rows.csv");

async function read(text: string, kind: typeof FLOATS | typeof BYTES = FLOATS, label?: string) {
  writeFileSync(file, text);
  const samples = await readTable(file, kind, label);
  return samples.map(({ row, values }) => [row, ...values]);
}

test.each([
  ["without a header", "1,2,3\n-1.5,.5,1e2\n"],
  [
    "with a header, quotes and a byte order mark",
    '\ufeff"a, ""x""",b,"c\nd"\r\n1,"2",3\r\n-1.5,+.5,100\r\n',
  ],
  ["with tabs and empty lines", "1\t2\t3\n\n-1.5\t 0.5 \t1E+2"],
])("%s", async (_name, text) => {
  expect(await read(text)).toEqual([
    [1, 1, 2, 3],
    [2, -1.5, 0.5, 100],
  ]);
});

test("without the label's column", async () => {
  expect(await read("a,kind,b,c\n1,cat,2,3", FLOATS, "kind")).toEqual([[1, 1, 2, 3]]);
});

test("bytes for a network of pixels", async () => {
  writeFileSync(file, "0,128,255");
  const [row] = await readTable(file, BYTES, undefined);
  expect(row?.values).toEqual(Uint8Array.of(0, 128, 255));
});

test.each([
  ["a missing value", "1,2,3\n1,,3", /rows\.csv: row 2, value 2 is missing/],
  ["a word", "a,b,c\n1,two,3", /row 1, value 2 is "two", which is not a number/],
  ["hexadecimal", "a,b,c\n1,0x10,3", /row 1, value 2 is "0x10"/],
  ["infinity", "a,b,c\n1,Infinity,3", /row 1, value 2 is "Infinity"/],
  ["too large a number", "1,2,1e39", /row 1, value 3 is "1e39", which is too large/],
  ["too many columns", "1,2,3,4\n", /row 1 has 4 values, but the network expects 3.*--label/],
  ["too few columns", "1,2\n", /row 1 has 2 values, but the network expects 3\.$/],
  ["a short row", "1,2,3\n1,2", /row 2 has 2 cells, but row 1 has 3/],
  ["no rows", "a,b,c\n", /a header but no rows/],
  ["nothing", "\n\n", /is empty/],
])("refuses %s", async (_name, text, sentence) => {
  await expect(read(text)).rejects.toThrow(sentence);
});

test.each(["1,2,256", "1,2,-1", "1,2,0.5"])("refuses %j for a network of pixels", async (text) => {
  await expect(read(text, BYTES)).rejects.toThrow(/row 1, value 3 .*from 0 to 255/);
});

test("refuses a label that is not a column", async () => {
  await expect(read("a,b,c\n1,2,3", FLOATS, "d")).rejects.toThrow(/no column "d"/);
  await expect(read("1,2,3", FLOATS, "d")).rejects.toThrow(/no column "d"/);
});
