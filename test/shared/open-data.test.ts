import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import { mnistFolder } from "../../src/shared/data/files/mnist.js";
import { openData } from "../../src/shared/data/files/open-data.js";
import { TandemError } from "../../src/shared/errors.js";
import { FILE_NAMES, idxImages, idxLabels, SMALL, writeDataset } from "../support/data.js";

/** SHA-256 over MNIST's four files. */
const MNIST_DIGEST = "b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a";

let folder: string;
beforeEach(() => {
  folder = writeDataset();
});

async function codeOf(path: string, validationSize = 0): Promise<string> {
  try {
    await openData(path, { validationSize });
  } catch (error) {
    if (error instanceof TandemError) {
      expect(error.exitCode).toBe(2);
      expect(error.message).not.toContain("\n");
      return error.code;
    }
    throw error;
  }
  return "loaded";
}

const change = (name: string, edit: (bytes: Buffer) => Buffer) => {
  const file = join(folder, name);
  writeFileSync(file, edit(readFileSync(file)));
};

test("MNIST itself: 55,000 + 5,000 + 10,000 samples in ten classes", async () => {
  const dataset = await openData(undefined);
  expect(dataset.training.count).toBe(55_000);
  expect(dataset.validation.count).toBe(5_000);
  expect(dataset.test.count).toBe(10_000);
  expect(dataset.target).toEqual({ kind: "classes", count: 10 });
  expect(dataset.inputShape).toEqual([28, 28, 1]);
  expect(dataset.digest).toBe(MNIST_DIGEST);
  // The first training sample after the validation set of 5,000, read directly from the file: its label is byte 8 + 5,000.
  const labels = readFileSync(join(mnistFolder(), FILE_NAMES.trainLabels));
  const first = await dataset.training.gather(Uint32Array.of(0));
  expect([...first.targets]).toEqual([labels[5008]]);
});

test("other sizes and numbers of classes, plain or gzipped, are the same data", async () => {
  const plain = await openData(folder, { validationSize: 0 });
  expect(plain.inputShape).toEqual([SMALL.height, SMALL.width, 1]);
  expect(plain.target).toEqual({ kind: "classes", count: SMALL.classes });
  for (const name of Object.values(FILE_NAMES)) {
    writeFileSync(join(folder, `${name}.gz`), gzipSync(readFileSync(join(folder, name))));
    rmSync(join(folder, name));
  }
  expect((await openData(folder)).digest).toBe(plain.digest);
});

describe("bad data is named", () => {
  test("a missing folder, a missing file", async () => {
    expect(await codeOf("/no/such/folder")).toBe("data-folder-missing");
    expect(await codeOf(mkdtempSync(join(tmpdir(), "empty-")))).toBe("data-file-missing");
  });

  test.each([
    [
      "wrong magic",
      (bytes: Buffer) => Buffer.concat([Buffer.from([9, 9, 9, 9]), bytes.subarray(4)]),
    ],
    ["cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ["cut within the header", (bytes: Buffer) => bytes.subarray(0, 6)],
    ["empty", () => Buffer.alloc(0)],
    ["longer than it says", (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ["absurd sizes", (bytes: Buffer) => (bytes.fill(0xff, 4, 16), bytes)],
    ["no images", () => idxImages(0, 8, 8, new Uint8Array(0))],
    ["images without pixels", () => idxImages(3, 0, 0, new Uint8Array(0))],
    ["images far too large", () => idxImages(1, 5000, 2, new Uint8Array(10_000))],
    ["a broken gzip stream", () => Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3])],
  ])("images: %s", async (_what, edit) => {
    change(FILE_NAMES.trainImages, edit);
    expect(await codeOf(folder)).toBe("data-file-damaged");
  });

  test("images and labels that differ in number", async () => {
    writeFileSync(join(folder, FILE_NAMES.trainLabels), idxLabels(new Uint8Array(5)));
    expect(await codeOf(folder)).toBe("data-mismatch");
  });

  test("test images of another size", async () => {
    writeFileSync(
      join(folder, FILE_NAMES.testImages),
      idxImages(SMALL.testCount, 2, 2, new Uint8Array(4 * SMALL.testCount)),
    );
    expect(await codeOf(folder)).toBe("data-mismatch");
  });

  test("labels out of range, in the training and in the test set", async () => {
    const setLabel = (name: string, label: number) =>
      change(name, (bytes) => (bytes.writeUInt8(label, 8 + 3), bytes));
    setLabel(FILE_NAMES.testLabels, SMALL.classes);
    expect(await codeOf(folder)).toBe("data-labels");
    folder = writeDataset();
    setLabel(FILE_NAMES.trainLabels, 200);
    expect(await codeOf(folder)).toBe("data-labels");
  });

  test("nothing left to train on", async () => {
    expect(await codeOf(folder, SMALL.trainCount)).toBe("data-too-small");
  });
});
