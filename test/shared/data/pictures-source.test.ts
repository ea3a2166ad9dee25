// Folders of pictures as data: pixels, shapes, classes, how they are split, what stays the same when read again, and what is refused
// by name. test/shared/data/fixtures/make.py made the fixtures with Pillow.
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { readPicture } from "../../../src/predict/pictures.js";
import { resolveConfig } from "../../../src/run/run-choices.js";
import type { RunConfig } from "../../../src/shared/config.js";
import { type DataOptions, openData } from "../../../src/shared/data/files/open-data.js";
import type { DataSource, Samples, SampleSet } from "../../../src/shared/data/samples.js";
import { temporaryFolder } from "../../support/data.js";

const FIXTURES = join(import.meta.dirname, "fixtures");
const fixture = (name: string) => readFileSync(join(FIXTURES, name));

/** The pixels of the fixtures, as in make.py. */
const RGB = [
  ...[200, 10, 20, 200, 10, 20, 200, 10, 20],
  ...[0, 0, 0, 90, 90, 90, 255, 255, 255],
].concat([30, 60, 90, 30, 60, 90, 30, 60, 90], [0, 0, 0, 0, 0, 0, 0, 0, 0]);
const GREY = [10, 20, 30, 0, 128, 255, 1, 2, 3, 40, 50, 60];

/** A folder with these files. */
function folderOf(files: Record<string, Uint8Array | string>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const grey = fixture("grey.png");
const rgb = fixture("rgb.png");
const open = (folder: string, options: DataOptions = {}) =>
  openData(folder, { validationSize: 0, ...options });
const all = async (set: SampleSet): Promise<Samples> =>
  set.gather(Uint32Array.from({ length: set.count }, (_, index) => index));
const configOf = (data: DataSource): RunConfig =>
  resolveConfig({ engine: "wasm" }, { data, steps: 1, defaultShards: 1 });

/** Pictures of 3 × 4 pixels with one grey level each, starting at 0 in each class. */
async function levels(counts: Record<string, number>): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const [place, count] of Object.entries(counts)) {
    for (let level = 0; level < count; level++) {
      const pixels = new Uint8Array(12).fill(level);
      files[`${place}/${level}.png`] = await sharp(pixels, {
        raw: { width: 3, height: 4, channels: 1 },
      })
        .toColourspace("b-w")
        .png()
        .toBuffer();
    }
  }
  return files;
}

describe("pixels", () => {
  const first = async (folder: string, options?: DataOptions) => {
    const data = await open(folder, options);
    const { inputs, targets } = await all(data.training);
    const size = inputs.length / targets.length;
    const at = targets.indexOf(0);
    return { shape: data.inputShape, pixels: [...inputs.subarray(at * size, (at + 1) * size)] };
  };
  const beside = (name: string, other = "grey.png") =>
    folderOf({
      [`train/a/${name}`]: fixture(name),
      "train/b/other.png": fixture(other),
      "test/a/x.png": grey,
    });

  test("grey pictures have one channel, as they are in the file", async () => {
    expect(await first(beside("grey.png"))).toEqual({ shape: [4, 3, 1], pixels: GREY });
  });

  test("without any colour, alpha on white", async () => {
    expect(await first(beside("grey-alpha.png"))).toEqual({ shape: [4, 3, 1], pixels: GREY });
  });

  test("one picture with colours makes three channels of all", async () => {
    const tripled = GREY.flatMap((value) => [value, value, value]);
    expect(await first(beside("grey.png", "rgb.png"))).toEqual({
      shape: [4, 3, 3],
      pixels: tripled,
    });
  });

  test.each(["rgb.png", "palette.png", "lossless.webp"])("%s", async (name) => {
    expect(await first(beside(name))).toEqual({ shape: [4, 3, 3], pixels: RGB });
  });

  test("what is transparent is white", async () => {
    const white = RGB.map((value, index) => (GREY[Math.floor(index / 3)]! < 10 ? 255 : value));
    expect(await first(beside("transparent.png"))).toEqual({ shape: [4, 3, 3], pixels: white });
  });

  test("a photograph is turned as its camera says", async () => {
    const folder = folderOf({
      "train/a/1.jpg": fixture("turned.jpg"),
      "train/b/2.jpg": fixture("turned.jpg"),
      "test/a/x.jpg": fixture("turned.jpg"),
    });
    const { shape, pixels } = await first(folder);
    expect(shape).toEqual([3, 4, 3]);
    // Its first column was its first row, reversed: black first, red last.
    const [black, , , red] = [0, 3, 6, 9].map((at) => pixels.slice(at, at + 3));
    expect(Math.max(...black!)).toBeLessThan(60);
    expect(red![0]).toBeGreaterThan(120);
  });

  test("CMYK becomes RGB, and one bit becomes grey", async () => {
    expect((await first(beside("cmyk.jpg"))).shape).toEqual([4, 3, 3]);
    const { pixels } = await first(beside("bits.png"));
    expect(new Set(pixels)).toEqual(new Set([0, 255]));
  });

  test("--picture-size, and else the network's input", async () => {
    const folder = beside("rgb.png");
    expect((await first(folder, { pictureSize: [8, 6] })).shape).toEqual([8, 6, 3]);
    expect((await first(folder, { pictureSize: [8, 6, 1] })).shape).toEqual([8, 6, 1]);
    expect((await first(folder, { inputShape: [5, 5, 1] })).shape).toEqual([5, 5, 1]);
    expect((await first(folder, { inputShape: [70] })).shape).toEqual([4, 3, 3]);
  });

  test.each([
    ["of the right size", undefined],
    ["resized", [7, 9] as const],
  ])("%s, a picture is for predictions what it is in training", async (_name, pictureSize) => {
    const { shape, pixels } = await first(beside("rgb.png"), { pictureSize });
    const decoded = await readPicture(join(FIXTURES, "rgb.png"), {
      shape: shape as [number, number, 3],
      invert: false,
    });
    expect([...decoded]).toEqual(pixels);
  });
});

describe("classes and sets", () => {
  test("folders are classes, sorted; files that file managers create are ignored", async () => {
    const folder = folderOf({
      ...(await levels({
        "train/b": 3,
        "train/a..": 2,
        "train/B\nc": 2,
        "train/b/deeper": 2,
        "test/b": 2,
      })),
      ...{
        "train/.DS_Store": "x",
        "train/b/Thumbs.db": "x",
        "train/b/._0.png": "x",
        "notes.txt": "x",
      },
      "train/.hidden/x.txt": "x",
    });
    const data = await open(folder);
    expect(data.classNames).toEqual(["B\nc", "a..", "b"]);
    expect([data.training.count, data.test.count]).toEqual([9, 2]);
    expect([...(await all(data.test)).targets]).toEqual([2, 2]);
    expect(data.description).toBe(
      "grey pictures of 4x3, 3 classes: 9 training, 0 validation, 2 test pictures",
    );
    expect(configOf(data).data.classNames).toEqual(["B\nc", "a..", "b"]);
  });

  test("without a folder for tests a fifth of each class is tested on", async () => {
    const folder = folderOf(await levels({ cat: 20, dog: 10 }));
    const data = await open(folder, { validationSize: 4 });
    expect([data.training.count, data.validation.count, data.test.count]).toEqual([20, 4, 6]);
    const { targets } = await all(data.test);
    expect([...targets].filter((target) => target === 1)).toHaveLength(2);
    const sets = await Promise.all([data.training, data.validation, data.test].map(all));
    const found = sets.flatMap((set) =>
      Array.from(set.targets, (target, index) => `${target}/${set.inputs[12 * index]}`),
    );
    expect(new Set(found).size).toBe(30);
  });

  test("a link to a file of the folder is that file", async () => {
    const folder = folderOf(await levels({ cat: 5, dog: 5 }));
    symlinkSync("../cat/0.png", join(folder, "dog/link.png"));
    expect((await open(folder)).training.count).toBe(9);
  });

  test("the digest is that of names, bytes and shape, and not of the place", async () => {
    const files = await levels({ cat: 5, dog: 5 });
    const { digest } = await open(folderOf(files));
    expect((await open(folderOf(files))).digest).toBe(digest);
    expect((await open(folderOf(files), { pictureSize: [5, 5] })).digest).not.toBe(digest);
    const { "cat/0.png": moved, ...rest } = files;
    expect((await open(folderOf({ ...rest, "cat/9.png": moved! }))).digest).not.toBe(digest);
    expect((await open(folderOf({ ...files, "cat/0.png": files["cat/1.png"]! }))).digest).not.toBe(
      digest,
    );
  });

  test("pictures that do not fit into memory are the same samples, decoded when they are needed", async () => {
    const folder = folderOf(await levels({ cat: 40, dog: 30 }));
    const [inMemory, decoded] = [await open(folder), await open(folder, { maxMemoryBytes: 200 })];
    expect(decoded.digest).toBe(inMemory.digest);
    expect(inMemory.training.gather(Uint32Array.of(0))).not.toBeInstanceOf(Promise);
    expect(decoded.training.gather(Uint32Array.of(0))).toBeInstanceOf(Promise);
    const indices = Uint32Array.of(3, 50, 3, 0);
    for (const time of ["decoded", "kept"]) {
      expect(await decoded.training.gather(indices), time).toEqual(
        await inMemory.training.gather(indices),
      );
    }
    expect(await all(decoded.test)).toEqual(await all(inMemory.test));
  });

  test("a damaged picture of such a set is named when it is read", async () => {
    const files = await levels({ cat: 9, dog: 9 });
    const noise = Uint8Array.from({ length: 12 }, (_, index) => (index * 37) % 256);
    const whole = await sharp(noise, { raw: { width: 3, height: 4, channels: 1 } })
      .png({ compressionLevel: 0 })
      .toBuffer();
    const folder = folderOf({ ...files, "cat/cut.png": whole.subarray(0, -24) });
    const data = await open(folder, { maxMemoryBytes: 100 });
    await expect(Promise.all([all(data.training), all(data.test)])).rejects.toThrow(
      /cat.cut\.png: it cannot be read as a picture/,
    );
    await expect(open(folder)).rejects.toThrow(/cat.cut\.png: it cannot be read as a picture/);
  });
});

describe("known pictures", () => {
  test("the same folder gives the same samples, in the run's shape", async () => {
    const folder = folderOf(await levels({ cat: 10, dog: 10 }));
    const first = await open(folder, { validationSize: 3, pictureSize: [5, 6, 3] });
    const again = await openData(folder, { validationSize: 3, known: configOf(first) });
    expect([again.digest, again.inputShape]).toEqual([first.digest, [5, 6, 3]]);
    for (const set of ["training", "validation", "test"] as const) {
      expect(await all(again[set])).toEqual(await all(first[set]));
    }
  });

  test("all pictures of another folder are tested on, with the run's classes", async () => {
    const known = configOf(await open(folderOf(await levels({ cat: 5, dog: 5, eel: 5 }))));
    const other = await openData(folderOf(await levels({ dog: 3 })), { known });
    expect([...(await all(other.test)).targets]).toEqual([1, 1, 1]);
    expect(other.description).toMatch(/3 classes: 3 test pictures$/);
    const unknown = folderOf(await levels({ dog: 3, fox: 1 }));
    await expect(openData(unknown, { known })).rejects.toThrow(/fox.0\.png: "fox" is not a class/);
  });
});

type Files = Record<string, Uint8Array | string>;
const two: Files = { "a/1.png": grey, "b/1.png": grey };
/** A header with the size 60,000 × 60,000. */
const bomb = Buffer.from(grey);
bomb.writeUInt32BE(60_000, 16);
bomb.writeUInt32BE(60_000, 20);

test.each<[string, Files, RegExp, DataOptions?]>([
  [
    "a text with a picture's name",
    { ...two, "a/x.jpg": "no picture" },
    /a.x\.jpg: it cannot be read as a picture \(Input buffer contains unsupported/,
  ],
  [
    "a drawing with a picture's name",
    { ...two, "a/x.png": '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="4"/>' },
    /a.x\.png: .*format is svg/,
  ],
  [
    "a cut file",
    { ...two, "a/x.png": grey.subarray(0, 20) },
    /a.x\.png: it cannot be read as a picture/,
  ],
  ["a bomb", { ...two, "a/x.png": bomb }, /a.x\.png: .*(pixel limit|CRC|crc)/],
  ["an empty file", { ...two, "a/x.png": "" }, /a.x\.png: it is empty/],
  [
    "other files",
    { ...two, "a/labels.txt": "1" },
    /a.labels\.txt: it is not a supported picture: png/,
  ],
  ["an empty class", { ...two, "c/.keep": "" }, /c: this class has no pictures/],
  ["one class", { "a/1.png": grey, "a/2.png": grey }, /all its pictures belong to one class, "a"/],
  [
    "pictures in no class",
    { "1.png": grey, "2.png": grey },
    /1\.png: it is not in the folder of a class/,
  ],
  [
    "pictures beside classes",
    { ...two, "x.png": grey },
    /x\.png: it is not in the folder of a class/,
  ],
  [
    "a class of the test set alone",
    { "train/a/1.png": grey, "train/b/1.png": grey, "test/c/1.png": grey },
    /test.c.1\.png: "c" is not a class/,
  ],
  [
    "different sizes",
    { ...two, "b/2.jpg": fixture("turned.jpg") },
    /different sizes, from (4x3|3x4) to \S+\. .*--picture-size 64x64/,
  ],
  [
    "a long name of a class",
    { ...two, [`${"c".repeat(101)}/1.png`]: grey },
    /at most 100 characters, but this has 101/,
  ],
  [
    "too large a size",
    two,
    /--picture-size: pictures cannot be resized to \[5000, 3, 1\]/,
    { pictureSize: [5000, 3] },
  ],
])("refuses %s", async (_name, files, sentence, options) => {
  const folder = folderOf(files);
  const error: unknown = await open(folder, options).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "data-pictures", exitCode: 2 });
  expect(String(error)).toMatch(sentence);
  expect(String(error)).not.toContain("\n");
});

describe("links", () => {
  const outside = folderOf({ "x.png": rgb });
  test.each<[string, (folder: string) => void, RegExp]>([
    [
      "out of the folder",
      (folder) => symlinkSync(join(outside, "x.png"), join(folder, "a/x.png")),
      /a.x\.png: it is a link to a file outside of/,
    ],
    [
      "to nothing",
      (folder) => symlinkSync("nowhere", join(folder, "a/x.png")),
      /a.x\.png: it cannot be opened: it is a dangling link/,
    ],
    [
      "to a folder",
      (folder) => symlinkSync("..", join(folder, "a/around")),
      /a.around: it is a link to a folder/,
    ],
    [
      "to itself",
      (folder) => symlinkSync("x.png", join(folder, "a/x.png")),
      /a.x\.png: it cannot be opened \(ELOOP/,
    ],
    [
      "to itself, in place of a class",
      (folder) => symlinkSync("around", join(folder, "around")),
      /around: it cannot be opened \(ELOOP/,
    ],
  ])("refuses one %s", async (_name, link, sentence) => {
    const folder = folderOf(two);
    link(folder);
    await expect(open(folder)).rejects.toThrow(sentence);
  });
});

test("names with control characters are shown on one line", async () => {
  const folder = folderOf({ ...two, "a/x\n\u001b[31m.png": "no picture" });
  await expect(open(folder)).rejects.toThrow(
    /a.x\u{fffd}\u{fffd}\[31m\.png: it cannot be read as a picture/u,
  );
});

test("a picture that changes after its digest was taken ends the run", async () => {
  const folder = folderOf(two);
  const data = await open(folder, { maxMemoryBytes: 0 });
  for (const name of Object.keys(two)) {
    writeFileSync(join(folder, name), Buffer.concat([grey, Buffer.of(0)]));
  }
  await expect(all(data.training)).rejects.toThrow(/\.png: it was changed while it was in use/);
});

test("a file of 200 characters, and one that is not UTF-8", async () => {
  const folder = folderOf({ ...two, [`a/${"x".repeat(200)}.png`]: grey });
  expect((await open(folder)).training.count + (await open(folder)).test.count).toBe(3);
  copyFileSync(
    join(FIXTURES, "grey.png"),
    Buffer.concat([Buffer.from(`${folder}/a/`), Buffer.of(0xff), Buffer.from(".png")]),
  );
  await expect(open(folder)).rejects.toThrow(/its name is not UTF-8/);
});
