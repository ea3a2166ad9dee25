// Large files and named pipes: neither memory nor time grows without bound.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSamples } from "../../src/predict/read-samples.js";
import { npyFile } from "../support/arrays.js";
import { temporaryFolder } from "../support/data.js";

const folder = temporaryFolder();
const NUMBER = { shape: [1], type: "uint8" } as const;

test("refuses more samples than may be kept in memory", async () => {
  const array = join(folder, "x.npy");
  writeFileSync(array, npyFile(new Uint8Array(1_000_001), [1_000_001, 1]));
  await expect(readSamples(array, NUMBER, { invert: false })).rejects.toThrow(
    /x\.npy: it has more than 1000000 samples\. Split it/,
  );
});

test("rows with many categories use memory for their inputs only when they are predicted", async () => {
  const categories = Array.from({ length: 1000 }, (_, index) => `c${index}`);
  const columns = [{ name: "kind", kind: "category" as const, categories }];
  const kind = { shape: [1000], type: "float32", table: { columns, label: "y" } } as const;
  const file = join(folder, "rows.csv");
  writeFileSync(file, `kind\n${"c999\n".repeat(30_000)}`);
  const before = process.memoryUsage().arrayBuffers;
  const samples = await readSamples(file, kind, { invert: false });
  // All inputs at once would be 120 MB.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40e6);
  expect(samples).toHaveLength(30_000);
  expect(samples.at(-1)).toMatchObject({ file, row: 30_000 });
  expect(samples.at(-1)!.values.indexOf(1)).toBe(999);
});

test.skipIf(process.platform === "win32")("refuses a named pipe instead of waiting", async () => {
  const pipe = join(folder, "pipe.csv");
  execFileSync("mkfifo", [pipe]);
  await expect(readSamples(pipe, NUMBER, { invert: false })).rejects.toThrow(
    /pipe\.csv: it cannot be read \(it is not a regular file\)/,
  );
});
