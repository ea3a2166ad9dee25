// What was predicted for the test set, as the page receives it: confused pairs, samples as pictures or rows, metrics of values.
import { expect, test } from "vitest";
import { mistakesOf } from "../../../src/coordinator/observe/dashboard/class-predictions.js";
import { InputColumns } from "../../../src/coordinator/observe/dashboard/input-columns.js";
import {
  pictureShapeOf,
  ShownSamples,
} from "../../../src/coordinator/observe/dashboard/shown-samples.js";
import { scatterOf } from "../../../src/coordinator/observe/dashboard/value-predictions.js";
import { describeRun } from "../../../src/coordinator/observe/run-description.js";
import type { Samples } from "../../../src/shared/data/samples.js";
import type { TableSpec } from "../../../src/shared/data/table.js";
import { configOf } from "../../support/config.js";

const TABLE: TableSpec = {
  columns: [
    { name: "area", kind: "number", mean: 80, scale: 20 },
    { name: "district", kind: "category", categories: ["harbour", "old town"] },
  ],
  label: "rent",
};

const bytesOf = (text = "") => [...Buffer.from(text, "base64")];

function shownOf(
  inputShape: readonly number[],
  inputType: "uint8" | "float32",
  samples: readonly Samples[],
  table?: TableSpec,
) {
  const description = { ...describeRun(configOf()), inputShape, inputType };
  const size = inputShape.reduce((product, side) => product * side, 1);
  return new ShownSamples(description, new InputColumns(size, table), samples);
}

const classes = (inputs: Samples["inputs"], targets: number[]): Samples => {
  return { count: targets.length, inputs, targets: Int32Array.from(targets) };
};

test("samples of each confused pair are shown, before a second one of any", () => {
  const count = 400;
  // 397 of one pair, then one of another.
  const labels = Array.from({ length: count }, (_, index) => (index < count - 1 ? 0 : 2));
  const samples = [classes(new Uint8Array(count * 300), labels)];
  const predictions = [new Int32Array(count).fill(1)];
  const event = { event: "predictions", step: 3, predictions, samples } as const;
  const shown = shownOf([10, 10, 3], "uint8", samples);
  const update = mistakesOf(event, 3, shown, 0);
  expect(update).toMatchObject({ testCount: count, errorCount: count });
  expect(update.wrong).toHaveLength(200);
  expect(update.wrong.at(-1)).toMatchObject({ index: 399, label: 2, predicted: 1 });
  expect(update.pairs).toBeUndefined();
  expect(update.confusion?.[0]).toEqual([0, 399, 0]);
});

test("of many classes the confused pairs are sent, the most frequent first", () => {
  const samples = [classes(new Uint8Array(4), [5, 7, 7, 9])];
  const predictions = [Int32Array.of(6, 8, 8, 9)];
  const event = { event: "predictions", step: 0, predictions, samples } as const;
  const update = mistakesOf(event, 1_000, shownOf([1], "uint8", samples), 0);
  expect(update.confusion).toBeUndefined();
  expect(update.pairs).toEqual([
    [7, 8, 2],
    [5, 6, 1],
  ]);
});

test("mistakes in batches whose inputs are not kept are counted, and not shown", () => {
  const samples = [classes(new Uint8Array(2), [0, 1]), classes(new Uint8Array(0), [0, 1])];
  const predictions = [Int32Array.of(1, 1), Int32Array.of(1, 0)];
  const event = { event: "predictions", step: 0, predictions, samples } as const;
  const update = mistakesOf(event, 2, shownOf([1], "uint8", samples), 0);
  expect(update.errorCount).toBe(3);
  expect(update.wrong.map(({ index }) => index)).toEqual([0]);
});

test("a large picture is averaged down, its edges over fewer pixels", () => {
  const [height, width] = [130, 65];
  const inputs = Uint8Array.from({ length: height * width }, (_, pixel) => {
    return pixel % width === width - 1 ? 200 : 100;
  });
  const samples = [classes(inputs, [0])];
  const shown = shownOf([height, width, 1], "uint8", samples);
  expect(shown.picture).toEqual({ height: 44, width: 22, channels: 1 });
  const { pixels } = shown.show({ batch: samples[0]!, row: 0, index: 0 });
  const rows = bytesOf(pixels);
  expect(rows).toHaveLength(44 * 22);
  // The last column stands for two pixels: 65 = 21 · 3 + 2.
  expect(rows.slice(0, 22)).toEqual([...new Array<number>(21).fill(100), 150]);
  expect(rows.at(-1)).toBe(150);
});

test.each([
  ["from 0 to 1", [0.2, 0.6, 0.5], [51, 153, 128]],
  ["from −1 to 1", [-0.5, 0, 0.5], [64, 128, 191]],
  ["of bytes", [10, 100, 200], [10, 100, 200]],
  ["of anything else, from the least to the most", [-2, 1, 4], [0, 128, 255]],
])("float32 pictures with values %s keep one scale", (_name, values, bytes) => {
  const samples = [classes(Float32Array.from(values), [0])];
  const shown = shownOf([1, 3, 1], "float32", samples);
  expect(bytesOf(shown.show({ batch: samples[0]!, row: 0, index: 0 }).pixels)).toEqual(bytes);
});

test("a float32 picture is not stretched to black and white by itself", () => {
  const samples = [classes(Float32Array.of(0.4, 0.5, 0, 1), [0, 1])];
  const shown = shownOf([1, 2, 1], "float32", samples);
  const { pixels } = shown.show({ batch: samples[0]!, row: 0, index: 0 });
  expect(bytesOf(pixels)).toEqual([102, 128]);
});

test("rows of a table are in the data's own units, with the names of categories", () => {
  const inputs = Float32Array.of(0.5, 0, 1, -1, 0, 0);
  const samples = [classes(inputs, [0, 1])];
  const shown = shownOf([3], "float32", samples, TABLE);
  expect(shown.columnNames).toEqual(["area", "district"]);
  const rowOf = (row: number) => shown.show({ batch: samples[0]!, row, index: row });
  expect(rowOf(0)).toEqual({ index: 0, row: [90, "old town"] });
  expect(rowOf(1)).toEqual({ index: 1, row: [60, null] });
});

test("columns can be entered where they are few", () => {
  expect(new InputColumns(3, TABLE).form).toMatchObject([
    { name: "area", kind: "number", mean: 80, scale: 20 },
    { name: "district", categories: ["harbour", "old town"] },
  ]);
  expect(new InputColumns(2, undefined).form).toMatchObject([{ name: "0" }, { name: "1" }]);
  expect(new InputColumns(41, undefined).form).toBeUndefined();
  const long = { ...TABLE.columns[1]!, categories: Array.from({ length: 201 }, (_, i) => `${i}`) };
  expect(
    new InputColumns(202, { ...TABLE, columns: [TABLE.columns[0]!, long as never] }).form,
  ).toBe(undefined);
});

test("names from a table cannot inject anything", () => {
  const table: TableSpec = {
    ...TABLE,
    columns: [{ name: "a\u001b[2J", kind: "category", categories: ["b\n"] }],
  };
  const text = JSON.stringify(new InputColumns(1, table).form);
  expect(text).not.toMatch(/\\u001b|\\n/);
});

test("only grey and RGB inputs are pictures", () => {
  expect(pictureShapeOf([8, 10, 3])).toEqual({ height: 8, width: 10, channels: 3 });
  for (const shape of [[8], [8, 10], [8, 10, 2], [8, 10, 4]]) {
    expect(pictureShapeOf(shape)).toBeUndefined();
  }
});

test("R², RMSE and MAE of each value, and the worst samples", () => {
  // Two values: one is predicted well; the other has another unit and is off by 2 in all samples except one.
  const targets = Float32Array.of(1, 100, 2, 200, 3, 300, 4, 400);
  const predictions = Float32Array.of(1, 102, 2, 202, 3, 302, 5, 370);
  const samples: Samples[] = [{ count: 4, inputs: new Float32Array(4), targets }];
  const description = {
    ...describeRun(configOf()),
    loss: "mean-squared-error",
    target: { kind: "values", count: 2 },
  } as const;
  const event = { event: "predictions", step: 1, predictions: [predictions], samples } as const;
  const update = scatterOf(event, description, shownOf([1], "float32", samples), 0);
  const [first, second] = update.metrics ?? [];
  // By hand: Σe² = 1 and Σ(y − ȳ)² = 5; Σe² = 912 and Σ(y − ȳ)² = 50,000.
  expect(first).toEqual({ r2: 0.8, rmse: 0.5, mae: 0.25 });
  expect(second).toEqual({ r2: 0.98176, rmse: 15.0997, mae: 9 });
  expect(update.testCount).toBe(4);
  expect(update.worst?.[0]).toEqual({
    index: 3,
    row: [0],
    targets: [4, 400],
    predictions: [5, 370],
  });
});

test("R² is omitted if all values are equal, or if it is not a number", () => {
  const samples: Samples[] = [
    { count: 2, inputs: new Float32Array(2), targets: Float32Array.of(3, 3) },
  ];
  const description = {
    ...describeRun(configOf()),
    target: { kind: "values", count: 1 },
  } as const;
  const predictions = [Float32Array.of(3, Infinity)];
  const event = { event: "predictions", step: 1, predictions, samples } as const;
  const update = scatterOf(event, description, shownOf([1], "float32", samples), 0);
  expect(update.metrics).toEqual([{ r2: null, rmse: null, mae: null }]);
  expect(JSON.stringify(update.worst)).toContain('"predictions":[null]');
});
