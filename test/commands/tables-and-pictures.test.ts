// Tables and folders of pictures from the file to the prediction, in real processes: training, evaluation, resuming, predictions of
// raw rows and files, the model card, and an export that is given rows encoded as it says.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { encodeExport } from "../../src/export/export-model.js";
import { data, evaluate } from "../../src/index.js";
import { readCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import type { TableSpec } from "../../src/shared/data/table.js";
import { Random } from "../../src/shared/random.js";
import { temporaryFolder } from "../support/data.js";
import { runOnnx } from "../support/exported-models.js";
import { type Ended, tandem } from "../support/tandem.js";

const cwd = temporaryFolder();
const at = (...path: string[]) => join(cwd, ...path);
const run = (...args: string[]) => tandem(args, { cwd });
const COMMON = ["--engine", "wasm", "--batch-size", "20", "--eval-every", "0", "--json"];
const LEARNING = ["--learning-rate", "0.02", "--population", "exact"];

async function succeed(...args: string[]): Promise<Ended> {
  const ended = await run(...args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

const accuracyOf = ({ events }: Ended) => events.at(-1)?.["testAccuracy"];

async function refuse(args: readonly string[], sentence: RegExp): Promise<void> {
  const { code, stderr } = await run(...args);
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect(code).toBe(2);
}

type Row = [length: number, colour: string, kind: string, price: number];
const ROWS: readonly Row[] = (() => {
  const random = new Random(1, "rows");
  return Array.from({ length: 300 }, (_, row): Row => {
    const isRose = row < 150; // sorted by class
    const length = (isRose ? 10 : 12) + 3 * random.uniform();
    const colour = random.uniform() < 0.9 === isRose ? "red" : "pale, blue";
    return [length, colour, isRose ? "rose" : "lily", 100 * length + (colour === "red" ? 50 : 0)];
  });
})();
const lineOf = ([length, colour, kind, price]: Row) => `${length},"${colour}",${kind},${price}`;

describe("a table", () => {
  beforeAll(async () => {
    writeFileSync(at("all.csv"), ["length,colour,kind,price", ...ROWS.map(lineOf)].join("\n"));
    await succeed(
      "single",
      "--data",
      "all.csv",
      "--label",
      "kind",
      "--steps",
      "60",
      ...LEARNING,
      ...COMMON,
      "--output",
      "kind.safetensors",
    );
  });

  test("is reported before the run starts", async () => {
    const { events } = await succeed(
      "single",
      "--data",
      "all.csv",
      "--label",
      "kind",
      "--steps",
      "0",
      ...COMMON,
      "--output",
      "x.safetensors",
    );
    const places = ["data", "start"].map((name) => events.findIndex(({ event }) => event === name));
    expect(places).toEqual([0, 1]);
    expect(events[0]).toMatchObject({
      ...{ kind: "table", path: "all.csv", training: 216, validation: 24, test: 60 },
      ...{ inputShape: [4], classNames: ["lily", "rose"] },
      target: { kind: "classes", count: 2 },
    });
  });

  test("is evaluated as it was trained, and raw rows of other files are predicted by the columns' names", async () => {
    const evaluated = await succeed("evaluate", "kind.safetensors", "--data", "all.csv", "--json");
    expect(accuracyOf(evaluated)).toBeGreaterThan(0.9);
    const shuffled = ROWS.map(([length, colour]) => `x,"${colour}",${length}`);
    writeFileSync(
      at("new.tsv"),
      ["id,colour,length", ...shuffled].join("\n").replaceAll(/,(?! )/g, "\t"),
    );
    writeFileSync(
      at("priced.tsv"),
      ["id,colour,length,price", ...ROWS.map((row, index) => `${shuffled[index]},${row[3]}`)]
        .join("\n")
        .replaceAll(/,(?! )/g, "\t"),
    );
    await refuse(
      ["predict", "kind.safetensors", "new.tsv"],
      /new\.tsv: it lacks the column "price"/,
    );
    const { events } = await succeed("predict", "kind.safetensors", "priced.tsv", "--json");
    expect(events).toHaveLength(ROWS.length);
    const correct = events.filter(({ label }, row) => label === ROWS[row]![2]).length;
    expect(events[7]).toMatchObject({ event: "predicted", file: "priced.tsv", row: 8 });
    // All rows of a table that was not trained on are its test set.
    writeFileSync(at("again.csv"), readFileSync(at("all.csv"), "utf8").concat("\n"));
    const again = await succeed("evaluate", "kind.safetensors", "--data", "again.csv", "--json");
    expect(again.events.at(-1)).toMatchObject({ count: 300, testAccuracy: correct / 300 });
  });

  test("continues as if it had never stopped", async () => {
    const options = ["--data", "all.csv", ...COMMON, "--label", "kind", ...LEARNING];
    await succeed("single", ...options, "--steps", "20", "--output", "part.safetensors");
    const resumed = ["--data", "all.csv", ...COMMON, "--resume", "part.safetensors"];
    await succeed("single", ...resumed, "--steps", "60", "--output", "part.safetensors");
    expect(readFileSync(at("part.safetensors"))).toEqual(readFileSync(at("kind.safetensors")));
    await refuse(["single", ...resumed, "--label", "price"], /--label price contradicts/);
  });

  test("is encoded as the export says", async () => {
    await succeed(
      "export",
      "kind.safetensors",
      "--format",
      "onnx",
      "--output",
      "kind.onnx",
      "--card",
      "card.md",
      "--data",
      "all.csv",
      "--json",
    );
    const card = readFileSync(at("card.md"), "utf8");
    expect(card).toContain('| colour | 1 for its own of "pale, blue", "red"; 0 for the others |');
    expect(card).toMatch(/\| true \\ predicted \| lily \| rose \|\n.*\n\| lily \| \d+ \| \d+ \|/);
    expect(card).toContain("--label 'kind' --label-kind classes");
    const checkpoint = readCheckpoint(at("kind.safetensors"));
    const spec = checkpoint.config.data.table!;
    const text = JSON.stringify(spec);
    expect(readFileSync(at("kind.onnx")).includes(text)).toBe(true);
    const [savedModel] = encodeExport(checkpoint, "saved-model").filter(
      ({ path }) => path === "assets.extra/table.json",
    );
    expect(Buffer.concat(savedModel!.pieces).toString()).toBe(text);
    for (const format of ["tfjs", "keras"] as const) {
      const files = encodeExport(checkpoint, format).flatMap(({ pieces }) => pieces);
      expect(Buffer.concat(files).includes(`"table":${text}`), format).toBe(true);
    }
    const inputs = Float32Array.from(ROWS.flatMap((row) => encode(spec, row)));
    const { outputs } = await runOnnx(at("kind.onnx"), inputs, [ROWS.length, 4]);
    const { events } = await succeed("predict", "kind.safetensors", "all.csv", "--json");
    const own = events.flatMap((event) => event["probabilities"] as number[]);
    outputs["probabilities"]!.forEach((value, index) =>
      expect(Math.abs(value - own[index]!)).toBeLessThan(1e-5),
    );
  });

  test("is for a program what it is for the command", async () => {
    const table = await data(at("again.csv"), { checkpoint: at("kind.safetensors") });
    expect((await evaluate(at("kind.safetensors"), table)).count).toBe(300);
    writeFileSync(
      at("longer.csv"),
      ["length,colour,kind,price", ...ROWS.map(lineOf), "99,red,rose,1"].join("\n"),
    );
    const other = await data(at("longer.csv"), { label: "kind" });
    await expect(evaluate(at("kind.safetensors"), other)).rejects.toThrow(
      /other means.*`checkpoint`/,
    );
  });

  test("of values is predicted as values", async () => {
    const columns = ROWS.map(([length, colour, , price]) => `${length},"${colour}",${price / 100}`);
    writeFileSync(at("prices.csv"), ["length,colour,target", ...columns].join("\n"));
    const trained = await succeed(
      "local",
      "--workers",
      "1",
      "--data",
      "prices.csv",
      "--steps",
      "250",
      ...LEARNING,
      ...COMMON,
      "--output",
      "price.safetensors",
    );
    expect(trained.events.find(({ event }) => event === "end")!["testLoss"]).toBeLessThan(0.2);
    const { events } = await succeed("predict", "price.safetensors", "prices.csv", "--json");
    const [value] = events[0]!["values"] as number[];
    expect(Math.abs(value! - ROWS[0]![3] / 100)).toBeLessThan(1);
    const lines = (await succeed("predict", "price.safetensors", "prices.csv")).stdout.split("\n");
    expect(lines[0]).toMatch(/^prices\.csv, row 1: \d+\.\d+$/);
  });

  test("is not trained on where it cannot be", async () => {
    writeFileSync(at("bad.csv"), "length,kind\n1,a\nlong,b\n2,a\n");
    await refuse(
      ["single", "--data", "bad.csv", "--label", "kind", "--output", "bad.safetensors"],
      /^tandem: bad\.csv: row 2, column "length": "long" is not a number/,
    );
    await refuse(
      ["single", "--data", "all.csv"],
      /--label must name.*"length", "colour", "kind", "price"/,
    );
    await refuse(["single", "--label", "kind"], /--label is for tables/);
    expect(existsSync(at("bad.safetensors"))).toBe(false);
  });
});

describe("a folder of pictures", () => {
  const CLASSES = ["bar", "no bar\n"];
  const files: { file: string; label: string }[] = [];

  beforeAll(async () => {
    const random = new Random(2, "pictures");
    for (let index = 0; index < 100; index++) {
      const pixels = Uint8Array.from(
        { length: 64 },
        (_, pixel) => random.below(90) + (index % 2 === 0 && pixel % 8 === 3 ? 150 : 0),
      );
      const label = CLASSES[index % 2]!;
      const file = join("pictures", label, `${index}.${index % 3 === 0 ? "webp" : "png"}`);
      mkdirSync(at("pictures", label), { recursive: true });
      const picture = sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } }).toColourspace(
        "b-w",
      );
      await (index % 3 === 0 ? picture.webp({ lossless: true }) : picture.png()).toFile(at(file));
      files.push({ file, label });
    }
    await succeed(
      "single",
      "--data",
      "pictures",
      "--network",
      "sigmoid",
      "--picture-size",
      "8x8x1",
      "--steps",
      "60",
      ...LEARNING,
      ...COMMON,
      "--output",
      "bars.safetensors",
    );
  });

  test("is evaluated, and its files are predicted by the names of their classes", async () => {
    const evaluated = await succeed("evaluate", "bars.safetensors", "--data", "pictures", "--json");
    expect(accuracyOf(evaluated)).toBeGreaterThan(0.9);
    expect(evaluated.events.at(-1)).toMatchObject({ count: 20 });
    const { events } = await succeed("predict", "bars.safetensors", "pictures", "--json");
    const labels = new Map(events.map(({ file, label }) => [file, label]));
    const correct = files.filter(({ file, label }) => labels.get(file) === label).length;
    expect(events).toHaveLength(100);
    expect(correct).toBeGreaterThan(90);
  });

  test("continues with the shape that the pictures were resized to", async () => {
    const options = ["--data", "pictures", ...COMMON, "--resume", "bars.safetensors"];
    const { events } = await succeed(
      "single",
      ...options,
      "--steps",
      "62",
      "--output",
      "more.safetensors",
    );
    expect(events.find(({ event }) => event === "data")).toMatchObject({
      kind: "pictures",
      inputShape: [8, 8, 1],
    });
    const other = ["--picture-size", "9x9"];
    await refuse(
      ["single", ...options, ...other],
      /The data in pictures is not what bars\.safetensors was trained on/,
    );
  });

  test.each(["8", "0x4", "8x8x2", "5000x5000", "8×8"])(
    "--picture-size %s is none",
    async (size) => {
      const { code, stderr } = await run("single", "--picture-size", size);
      expect(stderr).toMatch(/It must be height x width/);
      expect(code).toBe(2);
    },
  );
});

/** As docs/serving.md says. */
function encode({ columns }: TableSpec, [length, colour, , price]: Row): number[] {
  const cells: Record<string, string | number> = { length, colour, price };
  return columns.flatMap((column) =>
    column.kind === "number"
      ? [(Number(cells[column.name]) - column.mean) / column.scale]
      : column.categories.map((category) => Number(cells[column.name] === category)),
  );
}
