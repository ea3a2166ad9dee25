// `tandem predict` in real processes: pictures, IDX files and tables, and files that cannot be read.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { predict } from "../../src/index.js";
import { encodeCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import type { RunConfig } from "../../src/shared/config.js";
import { networkOf, dense } from "../graph/networks.js";
import { configOf } from "../support/config.js";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { checkpointWith, ownOutputs } from "../support/export-cases.js";
import { type TandemEvent, tandem } from "../support/tandem.js";

const cwd = temporaryFolder();
const [HEIGHT, WIDTH] = [8, 10];
const data = writeDataset();
const images = readFileSync(join(data, "t10k-images-idx3-ubyte")).subarray(16);
const imageOf = (index: number) =>
  Uint8Array.from(images.subarray(index * HEIGHT * WIDTH, (index + 1) * HEIGHT * WIDTH));

const at = (...path: string[]) => join(cwd, ...path);
const run = (...args: string[]) => tandem(["predict", ...args], { cwd });
const NAMES = ["left", "a\nb", "right", "none"];

function save(name: string, config: RunConfig) {
  const checkpoint = checkpointWith(config);
  writeFileSync(at(name), Buffer.concat(encodeCheckpoint(checkpoint)));
  return checkpoint;
}

const base = configOf({ engine: { name: "wasm" } });
const grey = save("grey.safetensors", { ...base, data: { ...base.data, classNames: NAMES } });
const rgb = save("rgb.safetensors", configOf({ engine: { name: "wasm" }, inputShape: [8, 10, 3] }));
const table = save(
  "table.safetensors",
  configOf({
    engine: { name: "wasm" },
    network: networkOf([3], [["out", dense(2)]]).spec,
    loss: { kind: "mean-squared-error" },
    data: {
      ...{ inputType: "float32", digest: "0".repeat(64) },
      target: { kind: "values", count: 2 },
    },
  }),
);

/** The outputs of the project's own engine for these inputs. */
const expected = (checkpoint: typeof grey, inputs: Iterable<number>) => [
  ...ownOutputs({ name: "", checkpoint }, Float32Array.from(inputs)),
];
const picture = (pixels: Uint8Array, channels: 1 | 3 = 1) =>
  sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels } });

beforeAll(async () => {
  mkdirSync(at("pictures/inner"), { recursive: true });
  await picture(imageOf(0)).png().toFile(at("pictures/b.png"));
  await picture(imageOf(1)).png().toFile(at("pictures/inner/a.PNG"));
  await picture(imageOf(2)).webp({ lossless: true }).toFile(at("pictures/a.webp"));
  writeFileSync(at("pictures/notes.txt"), "no picture");
});

const probabilities = ({ events }: { events: TandemEvent[] }) =>
  events.map((event) => event["probabilities"] as number[]);

test("a folder's pictures in the order of their names, with the pixels as they are", async () => {
  const { code, stderr, events } = await run("grey.safetensors", "pictures", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  const files = ["pictures/a.webp", "pictures/b.png", "pictures/inner/a.PNG"];
  expect(events.map(({ file }) => file)).toEqual(files);
  const own = [2, 0, 1].map((index) => expected(grey, imageOf(index)));
  expect(probabilities({ events })).toEqual(own);
  events.forEach((event, index) => {
    const best = own[index]!.indexOf(Math.max(...own[index]!));
    expect(event).toMatchObject({
      event: "predicted",
      class: best,
      label: NAMES[best],
      probability: own[index]![best],
    });
    expect(event["top"]).toHaveLength(3);
  });
});

test("a folder's hidden files, and those of file managers, are ignored", async () => {
  for (const folder of ["littered", "littered/.cache", "littered/__MACOSX", "littered/inner"]) {
    mkdirSync(at(folder));
    writeFileSync(at(folder, "._a.png"), "no picture");
    await picture(imageOf(0)).png().toFile(at(folder, "a.png"));
  }
  const { code, stderr, events } = await run("grey.safetensors", "littered", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  expect(events.map(({ file }) => file)).toEqual(["littered/a.png", "littered/inner/a.png"]);
  // A hidden file that is given by name is read.
  const named = await run("grey.safetensors", "littered/._a.png");
  expect(named.code).toBe(2);
  expect(named.stderr).toMatch(/littered\/\._a\.png/);
});

test("an IDX file's images, and inverted ones", async () => {
  const file = join(data, "t10k-images-idx3-ubyte");
  const plain = await run("grey.safetensors", file, "--json");
  expect(plain.events).toHaveLength(40);
  expect(plain.events[3]).toMatchObject({ file, row: 4 });
  expect(probabilities(plain)[3]).toEqual(expected(grey, imageOf(3)));
  const inverted = await run("grey.safetensors", file, "pictures/b.png", "--invert", "--json");
  const negative = expected(
    grey,
    imageOf(0).map((value) => 255 - value),
  );
  expect(probabilities(inverted)[0]).toEqual(negative);
  expect(probabilities(inverted)[40]).toEqual(negative);
});

test("pictures of other sizes and kinds are resized and converted", async () => {
  const three = Uint8Array.from(imageOf(0), (value) => value).reduce<number[]>(
    (all, value, index) => {
      all.push(value, (value * 3 + index) % 256, 255 - value);
      return all;
    },
    [],
  );
  const colours = Uint8Array.from(three);
  await picture(colours, 3).png().toFile(at("colour.png"));
  await picture(imageOf(0)).png().toFile(at("grey.png"));
  await picture(imageOf(0)).resize(200, 160, { kernel: "nearest" }).png().toFile(at("large.png"));
  await picture(imageOf(0)).ensureAlpha(0).png().toFile(at("transparent.png"));
  const found = await run("rgb.safetensors", "colour.png", "grey.png", "--json");
  const repeated = [...imageOf(0)].flatMap((value) => [value, value, value]);
  expect(probabilities(found)).toEqual([expected(rgb, colours), expected(rgb, repeated)]);
  const greys = await run(
    "grey.safetensors",
    "colour.png",
    "large.png",
    "transparent.png",
    "--json",
  );
  expect(greys.events).toHaveLength(3);
  const white = expected(grey, new Uint8Array(HEIGHT * WIDTH).fill(255));
  expect(probabilities(greys)[2]).toEqual(white);
});

test("without --json: one line per sample, with the three most probable classes", async () => {
  const { stdout } = await run("grey.safetensors", "pictures/b.png");
  const percent = String.raw`\d+\.\d %`;
  const name = "(left|a\u{fffd}b|right|none)";
  const line = `pictures/b\\.png: ${name} ${percent}, ${name} ${percent}, ${name} ${percent}`;
  expect(stdout).toMatch(new RegExp(`^${line}\n$`, "u"));
});

test("without sharp, pictures are refused in one sentence, and everything else works", async () => {
  const loader = `export const resolve = (name, context, next) => {
    if (name === "sharp") throw new Error("Could not load it\\nin several lines");
    return next(name, context);
  };`;
  const encode = (script: string) => `data:text/javascript,${encodeURIComponent(script)}`;
  const register = `import { register } from "node:module"; register("${encode(loader)}");`;
  const env = { NODE_OPTIONS: `--import ${encode(register)}` };
  const predictWithout = (path: string) =>
    tandem(["predict", "grey.safetensors", path, "--json"], { cwd, env });
  const { code, stderr } = await predictWithout("pictures");
  expect(stderr).toMatch(/^tandem: Pictures are decoded with the package sharp.*npm install sharp/);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(code).toBe(1);
  const idx = await predictWithout(join(data, "t10k-images-idx3-ubyte"));
  expect([idx.code, idx.events.length]).toEqual([0, 40]);
});

describe("tables", () => {
  const rows = [
    [1, 2, 3],
    [-1.5, 2e-3, 0],
  ];
  const own = rows.map((row) => expected(table, row).map((value) => Math.fround(value)));

  test.each([
    ["without a header", rows.map((row) => row.join(",")).join("\n"), []],
    ["with a header and quotes", `"a, x",b,c\r\n1,"2",3\r\n-1.5,2e-3,0\r\n`, []],
    [
      "with tabs and a label",
      "a\tname\tb\tc\n1\tone\t2\t3\n-1.5\ttwo\t0.002\t0",
      ["--label", "name"],
    ],
  ] as const)("%s", async (_name, text, options) => {
    writeFileSync(at("rows.csv"), text);
    const { code, stderr, events } = await run(
      "table.safetensors",
      "rows.csv",
      "--json",
      ...options,
    );
    expect([code, stderr]).toEqual([0, ""]);
    expect(events.map(({ row }) => row)).toEqual([1, 2]);
    expect(events.map(({ values }) => values)).toEqual(own);
    expect(events[0]).not.toHaveProperty("class");
  });

  test("a value that is not a number is refused with its row", async () => {
    writeFileSync(at("rows.csv"), "a,b,c\n1,two,3");
    await refuse("table.safetensors", ["rows.csv"], /rows\.csv: row 1, value 2 is "two"/);
  });
});

async function refuse(checkpoint: string, args: readonly string[], sentence: RegExp) {
  const { code, stdout, stderr } = await run(checkpoint, ...args);
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect([code, stdout]).toEqual([2, ""]);
}

describe("refuses", () => {
  const cases: [string, () => string, RegExp][] = [
    ["a missing file", () => at("nothing.png"), /nothing\.png: it cannot be read/],
    ["an empty file", () => at(write("empty.png", "")), /empty\.png: it is empty/],
    ["text", () => at(write("text.png", "hello")), /text\.png: it cannot be read as a picture/],
    [
      "a missing name with a line feed",
      () => at("c\nd.png"),
      /c\u{fffd}d\.png: it cannot be read/u,
    ],
    [
      "a folder without pictures",
      () => at(folder("bare")),
      /bare: this folder contains no pictures/,
    ],
    ["a device", () => "/dev/null", /\/dev\/null: it is not a regular file/],
    [
      "IDX images of another size",
      () =>
        join(
          writeDataset({ ...{ trainCount: 4, testCount: 4, classes: 2 }, height: 9, width: 10 }),
          "t10k-images-idx3-ubyte",
        ),
      /its samples are \[9, 10, 1\] uint8, but the network expects \[8, 10, 1\]/,
    ],
    [
      "IDX that is cut short",
      () => at(write("cut-idx3-ubyte", Buffer.from([0, 0, 8, 3, 0, 0, 0, 9]))),
      /cut-idx3-ubyte: cut short: 8 bytes[^.]*\.$/m,
    ],
  ];
  test.each(cases)("%s", async (_name, path, sentence) => {
    const predictions = predict(at("grey.safetensors"), [path()]);
    await expect(predictions.next()).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(sentence) as string,
    });
  });

  test("a name with a line feed, in one line", async () => {
    const sentence = /^tandem: a\u{fffd}b\.png: it cannot be read as a picture/u;
    await refuse("grey.safetensors", [write("a\nb.png", "hello")], sentence);
  });

  test("a truncated picture, after predicting those before it", async () => {
    const whole = readFileSync(at("pictures/b.png"));
    write("cut.png", whole.subarray(0, whole.length - 20));
    const { code, events, stderr } = await run(
      "grey.safetensors",
      "pictures/b.png",
      "cut.png",
      "--json",
    );
    expect([code, events.length]).toEqual([2, 1]);
    expect(stderr).toMatch(/^tandem: cut\.png: it cannot be read as a picture/);
  });

  test("IDX images of a network that takes colours", async () => {
    const predictions = predict(at("rgb.safetensors"), [join(data, "t10k-images-idx3-ubyte")]);
    await expect(predictions.next()).rejects.toThrow(/expects \[8, 10, 3\]/);
  });
});

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(at(name), content);
  return name;
}

function folder(name: string): string {
  mkdirSync(at(name), { recursive: true });
  return name;
}
