// Data sets of arrays: the same samples are the same data however they are stored, in memory or in files.
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openData } from "../../../src/shared/data/files/open-data.js";
import type { DataSource, Samples, SampleSet } from "../../../src/shared/data/samples.js";
import { idxFile, npyFile, zipFile } from "../../support/arrays.js";
import { temporaryFolder } from "../../support/data.js";

const NUMPY = join(import.meta.dirname, "fixtures/numpy");

async function allOf(set: SampleSet): Promise<Samples> {
  return await set.gather(Uint32Array.from({ length: set.count }, (_, index) => index));
}

async function contentOf(data: DataSource) {
  const { inputShape, inputType, target, digest } = data;
  const sets = await Promise.all([data.training, data.validation, data.test].map(allOf));
  return { inputShape, inputType, target, digest, sets };
}

function writeAll(files: Readonly<Record<string, Buffer>>): string {
  const folder = temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}

/** The NumPy fixture as IDX. */
function asIdx(): string {
  const values = (name: string) => readFileSync(join(NUMPY, `folder/${name}.npy`)).subarray(128);
  const labels = (count: number) => Uint8Array.from({ length: count }, (_, index) => index % 3);
  return writeAll({
    "train-images-idx3-ubyte": idxFile(new Uint8Array(values("x_train")), [24, 6, 5]),
    "train-labels-idx1-ubyte": idxFile(labels(24), [24]),
    "t10k-images.idx3-ubyte.gz": gzipSync(idxFile(new Uint8Array(values("x_test")), [9, 6, 5])),
    "t10k-labels-idx1-ubyte": idxFile(labels(9), [9]),
  });
}

let cache: string;
beforeEach(() => {
  cache = temporaryFolder();
  vi.stubEnv("XDG_CACHE_HOME", cache);
});
afterEach(() => vi.unstubAllEnvs());

test("as IDX, NPY and NPZ, packed or not, in memory or not: the same samples and digest", async () => {
  const paths = [join(NUMPY, "packed.npz"), join(NUMPY, "stored.npz"), join(NUMPY, "folder")];
  const first = await contentOf(await openData(asIdx(), { validationSize: 4 }));
  expect([first.inputShape, first.inputType]).toEqual([[6, 5, 1], "uint8"]);
  expect(first.target).toEqual({ kind: "classes", count: 3 });
  expect(first.sets.map(({ count }) => count)).toEqual([20, 4, 9]);
  for (const path of [...paths, asIdx()]) {
    for (const maxMemoryBytes of [undefined, 0]) {
      const data = await openData(path, { validationSize: 4, maxMemoryBytes });
      expect(await contentOf(data)).toEqual(first);
      await data.close?.();
    }
  }
});

test("what was found is said in one line", async () => {
  const description = async (path: string) => (await openData(path)).description;
  expect(await description(join(NUMPY, "packed.npz"))).toBe(
    "NPZ images 6×5×1, 3 classes: 22 training, 2 validation, 9 test samples",
  );
  const vectors = writeAll({
    "x.npy": npyFile(new Float32Array(60), [20, 3]),
    "y.npy": npyFile(new Float32Array(20), [20]),
  });
  expect(await description(vectors)).toBe(
    "NPY vectors of 3 values, 1 target value: 15 training, 1 validation, 4 test samples (a fifth drawn as the test set)",
  );
});

test("one of the files names the data set, and one of several sets in a folder", async () => {
  const digest = async (path: string) => (await openData(path)).digest;
  const idx = asIdx();
  expect(await digest(join(idx, "t10k-images.idx3-ubyte.gz"))).toBe(await digest(idx));
  expect(await digest(join(NUMPY, "folder/x_test.npy"))).toBe(await digest(join(NUMPY, "folder")));
  for (const name of readdirSync(idx)) {
    const bytes = readFileSync(join(idx, name));
    for (const set of ["letters", "digits"]) writeFileSync(join(idx, `${set}-${name}`), bytes);
  }
  const own = await digest(idx);
  const alone = writeAll({});
  for (const name of readdirSync(idx).filter((each) => /^(letters|digits)/.test(each))) {
    writeFileSync(join(alone, name), readFileSync(join(idx, name)));
  }
  expect(await digest(join(alone, "letters-train-images-idx3-ubyte"))).toBe(own);
  await expect(openData(alone)).rejects.toThrow(/several data sets: digits, letters/);
});

test("a folder with one archive is that archive", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "mnist.npz"), readFileSync(join(NUMPY, "packed.npz")));
  expect((await openData(folder)).kind).toBe("npz");
});

describe("a set without a test set", () => {
  const count = 50;
  const values = Float32Array.from({ length: count }, (_, index) => index);
  const folder = () =>
    writeAll({
      "x_train.npy": npyFile(values, [count, 1]),
      "y_train.npy": npyFile(
        BigInt64Array.from({ length: count }, (_, index) => BigInt(index % 2)),
        [count, 1],
      ),
    });

  test("is split at random, the same way each time, and each sample is in one part", async () => {
    const open = async () => contentOf(await openData(folder(), { validationSize: 5 }));
    const first = await open();
    expect(first.sets.map((set) => set.count)).toEqual([35, 5, 10]);
    const numbers = first.sets.flatMap(({ inputs }) => [...inputs]);
    expect(numbers.toSorted((a, b) => a - b)).toEqual([...values]);
    expect(numbers).not.toEqual([...values]);
    for (const { inputs, targets } of first.sets) {
      expect([...targets]).toEqual([...inputs].map((value) => value % 2));
    }
    expect(await open()).toEqual(first);
  });

  test("has the same test set whatever is held out", async () => {
    const test = async (validationSize: number) =>
      allOf((await openData(folder(), { validationSize })).test);
    expect(await test(0)).toEqual(await test(20));
  });
});

test("without --validation-size, 5,000 samples are held out, but a tenth at most", async () => {
  const heldOut = async (count: number) => {
    const folder = writeAll({
      "x_train.npy": npyFile(new Uint8Array(count), [count, 1]),
      "y_train.npy": npyFile(new Uint8Array(count), [count]),
      "x_test.npy": npyFile(new Uint8Array(1), [1, 1]),
      "y_test.npy": npyFile(new Uint8Array(1), [1]),
    });
    return (await openData(folder)).validation.count;
  };
  expect(await Promise.all([9, 10, 49_999, 50_000, 80_000].map(heldOut))).toEqual([
    0, 1, 4_999, 5_000, 5_000,
  ]);
});

describe("arrays that stay in their files", () => {
  const [count, size] = [400, 700];
  const pixels = Uint8Array.from({ length: count * size }, (_, index) => (index * 7919) >> 3);
  const labels = Uint8Array.from({ length: count }, (_, index) => index % 10);
  const floats = Float32Array.from(pixels, (value) => value / 3);
  const test1 = npyFile(Uint8Array.of(1), [1]);
  const sets = {
    bytes: {
      "x_train.npy": npyFile(pixels, [count, size]),
      "y_train.npy": npyFile(labels, [count]),
      "x_test.npy": npyFile(pixels.subarray(0, size), [1, size]),
      "y_test.npy": test1,
    },
    "float64, rounded": {
      "x_train.npy": npyFile(
        Float64Array.from(pixels, (value) => value / 3),
        [count, size],
      ),
      "y_train.npy": npyFile(labels, [count]),
      "x_test.npy": npyFile(Float64Array.from(pixels.subarray(0, size)), [1, size]),
      "y_test.npy": test1,
    },
    "big-endian floats": {
      "train-images-idx2-float": idxFile(floats, [count, size]),
      "train-labels-idx1-ubyte": idxFile(labels, [count]),
      "t10k-images-idx2-float": idxFile(floats.subarray(0, size), [1, size]),
      "t10k-labels-idx1-ubyte": idxFile(Uint8Array.of(1), [1]),
    },
    "stored in an archive": {
      "set.npz": zipFile([
        { name: "x_train.npy", bytes: npyFile(pixels, [count, size]) },
        { name: "y_train.npy", bytes: npyFile(labels, [count]), isPacked: true },
      ]),
    },
  };

  test.each(Object.entries(sets))("%s: any samples in any order", async (_what, files) => {
    const folder = writeAll(files);
    const inMemory = await openData(folder, { validationSize: 30 });
    const inFiles = await openData(folder, { validationSize: 30, maxMemoryBytes: 1000 });
    expect(inMemory).not.toHaveProperty("close");
    expect(inFiles.digest).toBe(inMemory.digest);
    const { training } = inMemory;
    const index = fc.nat(training.count - 1);
    await fc.assert(
      fc.asyncProperty(fc.array(index, { maxLength: 80 }), async (chosen) => {
        const indices = Uint32Array.from(chosen);
        expect(await inFiles.training.gather(indices)).toEqual(await training.gather(indices));
      }),
      { numRuns: 60 },
    );
    await inFiles.close!();
    await expect(inFiles.training.gather(Uint32Array.of(0))).rejects.toThrow(/closed/);
  });

  test("a file that changes during the run ends it", async () => {
    const folder = writeAll(sets.bytes);
    const data = await openData(folder, { maxMemoryBytes: 0 });
    writeFileSync(join(folder, "x_train.npy"), Buffer.concat([sets.bytes["x_train.npy"], pixels]));
    await expect(data.training.gather(Uint32Array.of(1))).rejects.toThrow(/x_train.*was changed/);
    await data.close!();
  });

  describe("the digest of a large set", () => {
    let folder: string;
    const file = () => join(folder, "x_train.npy");
    const touch = (seconds: number) => {
      for (const name of readdirSync(folder)) utimesSync(join(folder, name), seconds, seconds);
    };
    const open = async () => {
      const data = await openData(folder, { maxMemoryBytes: 0 });
      await data.close!();
      return data.digest;
    };
    /** Changes a sample in a way that the file system does not show. */
    const changeSecretly = () => {
      const { atimeMs, mtimeMs } = statSync(file());
      const bytes = readFileSync(file());
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(file(), bytes);
      utimesSync(file(), atimeMs / 1000, mtimeMs / 1000);
    };
    beforeEach(() => {
      folder = writeAll(sets.bytes);
      touch(1_700_000_000);
    });

    test("is not computed again for the same files", async () => {
      const digest = await open();
      changeSecretly();
      expect(await open()).toBe(digest);
      const entries = readdirSync(join(cache, "tandem/data"));
      expect(entries).toHaveLength(1);
    });

    test("is computed again for files that have changed", async () => {
      const digest = await open();
      changeSecretly();
      touch(1_700_000_001);
      expect(await open()).not.toBe(digest);
    });

    test("is computed again where the cache is damaged", async () => {
      const digest = await open();
      const [entry] = readdirSync(join(cache, "tandem/data"));
      for (const text of ["", "{}", '{"format":"tandem-data-digest/1"}']) {
        writeFileSync(join(cache, "tandem/data", entry!), text);
        expect(await open()).toBe(digest);
      }
    });

    test("is not kept for files that were written just now", async () => {
      touch(Date.now() / 1000);
      await open();
      expect(() => readdirSync(join(cache, "tandem/data"))).toThrow("ENOENT");
    });

    test("does not need a cache", async () => {
      const digest = await open();
      const blocked = temporaryFolder();
      writeFileSync(join(blocked, "tandem"), "a file where the folder would be");
      vi.stubEnv("XDG_CACHE_HOME", blocked);
      expect(await open()).toBe(digest);
    });
  });
});

test("values, big-endian or not, are the same data as float32", async () => {
  const x = Float32Array.from({ length: 12 }, (_, index) => Math.fround(index / 7));
  const y = Float32Array.from({ length: 8 }, (_, index) => -index / 3);
  const npy = writeAll({ "x.npy": npyFile(x, [4, 3]), "y.npy": npyFile(y, [4, 2]) });
  const wide = writeAll({
    "x.npy": npyFile(Float64Array.from(x), [4, 3]),
    "y.npy": npyFile(Float64Array.from(y), [4, 2]),
  });
  const [first, second] = [await openData(npy), await openData(wide)];
  expect(first.target).toEqual({ kind: "values", count: 2 });
  expect(await contentOf(second)).toEqual(await contentOf(first));
});
