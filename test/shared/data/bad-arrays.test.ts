// Arrays that cannot be used for training: each is refused with exit code 2, in one line that names the file and, if there is one,
// the bad sample.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { openData } from "../../../src/shared/data/files/open-data.js";
import { TandemError } from "../../../src/shared/errors.js";
import { idxFile, npyFile, zipFile } from "../../support/arrays.js";
import { temporaryFolder } from "../../support/data.js";

type Files = Readonly<Record<string, Uint8Array>>;

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, index) => index % 4);
const GOOD: Files = {
  "x_train.npy": npyFile(bytes(80), [20, 4]),
  "y_train.npy": npyFile(bytes(20), [20]),
  "x_test.npy": npyFile(bytes(40), [10, 4]),
  "y_test.npy": npyFile(bytes(10), [10]),
};
const GOOD_IDX: Files = {
  "train-images-idx3-ubyte": idxFile(bytes(80), [20, 2, 2]),
  "train-labels-idx1-ubyte": idxFile(bytes(20), [20]),
  "t10k-images-idx3-ubyte": idxFile(bytes(40), [10, 2, 2]),
  "t10k-labels-idx1-ubyte": idxFile(bytes(10), [10]),
};

function write(files: Files): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

async function refuse(path: string, code: string, sentence: RegExp): Promise<void> {
  // Both when everything is in memory and when it stays in its file.
  for (const maxMemoryBytes of [undefined, 0]) {
    const opened = await openData(path, { validationSize: 0, maxMemoryBytes }).catch(
      (reason: unknown) => reason,
    );
    expect(opened).toBeInstanceOf(TandemError);
    const error = opened as TandemError;
    expect(error.message).toMatch(sentence);
    expect(error.message).not.toContain("\n");
    expect([error.code, error.exitCode]).toEqual([code, 2]);
  }
}

const with_ = (changes: Files): Files => ({ ...GOOD, ...changes });
const without = (name: string): Files =>
  Object.fromEntries(Object.entries(GOOD).filter(([each]) => each !== name));

const floats = (change: (values: Float32Array) => void) => {
  const values = Float32Array.from({ length: 80 }, (_, index) => index);
  change(values);
  return with_({
    "x_train.npy": npyFile(values, [20, 4]),
    "x_test.npy": npyFile(new Float32Array(40), [10, 4]),
  });
};

describe("arrays in files", () => {
  const cases: [string, Files, string, RegExp][] = [
    ["no labels", without("y_train.npy"), "data-file-missing", /has no y_train\.npy/],
    ["no test labels", without("y_test.npy"), "data-file-missing", /has no y_test\.npy/],
    [
      "arrays of other names",
      { "images-of-cats.npy": GOOD["x_train.npy"]! },
      "data-file-missing",
      /has no x_train\.npy/,
    ],
    [
      "a file cut short",
      with_({ "x_test.npy": GOOD["x_test.npy"]!.subarray(0, 150) }),
      "data-file-damaged",
      /x_test\.npy: cut short: 150 bytes, but the header \(10 × 4\) requires 168/,
    ],
    [
      "a header cut short",
      with_({ "x_train.npy": GOOD["x_train.npy"]!.subarray(0, 40) }),
      "data-file-damaged",
      /x_train\.npy: cut short: its header/,
    ],
    [
      "an empty file",
      with_({ "y_train.npy": new Uint8Array() }),
      "data-file-damaged",
      /y_train\.npy: it is empty/,
    ],
    [
      "a file longer than its header",
      with_({ "y_test.npy": Buffer.concat([GOOD["y_test.npy"]!, Buffer.alloc(3)]) }),
      "data-file-damaged",
      /y_test\.npy: longer than its header says/,
    ],
    [
      "a shape of absurd size",
      with_({ "x_train.npy": npyFile(bytes(80), [20, 4], { shape: `(${"9".repeat(40)}, 4)` }) }),
      "data-file-damaged",
      /x_train\.npy: its shape/,
    ],
    [
      "a shape larger than the file",
      with_({ "x_train.npy": npyFile(bytes(80), [2 ** 31, 2 ** 20]) }),
      "data-file-damaged",
      /x_train\.npy: cut short/,
    ],
    [
      "a header with code in it",
      with_({ "x_train.npy": npyFile(bytes(80), [20, 4], { shape: "__import__('os')" }) }),
      "data-file-damaged",
      /x_train\.npy: its header cannot be read/,
    ],
    [
      "Fortran order",
      with_({ "x_train.npy": npyFile(bytes(80), [20, 4], { order: "True" }) }),
      "data-format",
      /x_train\.npy: it is in Fortran order/,
    ],
    [
      "Python objects",
      with_({ "x_train.npy": npyFile(bytes(80), [20, 4], { descr: "'|O'" }) }),
      "data-format",
      /x_train\.npy: it contains pickled Python objects, which are never loaded/,
    ],
    [
      "inputs of int64",
      with_({ "x_train.npy": npyFile(new BigInt64Array(80), [20, 4]) }),
      "data-format",
      /x_train\.npy: inputs of int64.*astype\("uint8"\).*astype\("float32"\)/,
    ],
    [
      "inputs without sides",
      with_({ "x_train.npy": npyFile(bytes(20), [20]) }),
      "data-format",
      /x_train\.npy: one number per sample \(20 samples\).*reshape\(-1, 1\)/,
    ],
    [
      "no samples",
      with_({ "x_train.npy": npyFile(bytes(0), [0, 4]), "y_train.npy": npyFile(bytes(0), [0]) }),
      "data-file-damaged",
      /x_train\.npy: it holds no samples/,
    ],
    [
      "images of absurd size",
      with_({ "x_train.npy": npyFile(bytes(10_000), [1, 5000, 2]) }),
      "data-file-damaged",
      /x_train\.npy: samples of 5000 × 2/,
    ],
    [
      "more labels than samples",
      with_({ "y_train.npy": npyFile(bytes(21), [21]) }),
      "data-mismatch",
      /y_train\.npy: 21 targets for the 20 samples of .*x_train\.npy/,
    ],
    [
      "test samples of another shape",
      with_({ "x_test.npy": npyFile(bytes(50), [10, 5]) }),
      "data-mismatch",
      /x_test\.npy: its samples are 5 uint8, but the training samples are 4 uint8/,
    ],
    [
      "test samples of another type",
      with_({ "x_test.npy": npyFile(new Float32Array(40), [10, 4]) }),
      "data-mismatch",
      /x_test\.npy: its samples are 4 float32/,
    ],
    [
      "test targets of another kind",
      with_({ "y_test.npy": npyFile(new Float32Array(10), [10]) }),
      "data-mismatch",
      /y_test\.npy: its targets are values, but the training targets are class numbers/,
    ],
    [
      "one-hot labels",
      with_({ "y_train.npy": npyFile(bytes(80), [20, 4]) }),
      "data-format",
      /y_train\.npy: 4 integers for each of 20 samples.*argmax/,
    ],
    [
      "targets of three sides",
      with_({ "y_train.npy": npyFile(new Float32Array(80), [20, 2, 2]) }),
      "data-format",
      /y_train\.npy: targets of the shape \[20, 2, 2\]/,
    ],
    [
      "a negative label",
      with_({ "y_train.npy": npyFile(Int32Array.from(bytes(20)).fill(-1, 7, 8), [20]) }),
      "data-labels",
      /y_train\.npy: label -1 \(number 7\) is out of range/,
    ],
    [
      "a label far beyond the others",
      with_({ "y_train.npy": npyFile(Int32Array.from(bytes(20)).fill(900, 3, 4), [20]) }),
      "data-labels",
      /y_train\.npy: label 900 \(number 3\) is out of range/,
    ],
    [
      "a test label without training samples",
      with_({ "y_test.npy": npyFile(bytes(10).fill(4, 2, 3), [10]) }),
      "data-labels",
      /y_test\.npy: label 4 \(number 2\) is out of range/,
    ],
    [
      "NaN",
      floats((values) => values.fill(NaN, 50, 51)),
      "data-values",
      /x_train\.npy: sample number 12 holds NaN/,
    ],
    [
      "an infinity",
      floats((values) => values.fill(-Infinity, 79)),
      "data-values",
      /x_train\.npy: sample number 19 holds -Infinity/,
    ],
    [
      "numbers that float32 does not have",
      with_({
        "x_train.npy": npyFile(new Float64Array(80).fill(1e300, 4, 5), [20, 4]),
        "x_test.npy": npyFile(new Float32Array(40), [10, 4]),
      }),
      "data-values",
      /x_train\.npy: sample number 1 holds Infinity/,
    ],
    [
      "targets that are not finite",
      with_({
        "y_train.npy": npyFile(new Float32Array(20).fill(NaN, 4, 5), [20]),
        "y_test.npy": npyFile(new Float32Array(10), [10]),
      }),
      "data-values",
      /y_train\.npy: sample number 4 holds NaN/,
    ],
    [
      "one sample and no test set",
      { "x.npy": npyFile(bytes(4), [1, 4]), "y.npy": npyFile(bytes(1), [1]) },
      "data-too-small",
      /only one sample, and no test set/,
    ],
    [
      "IDX of an unknown type",
      { ...GOOD_IDX, "train-images-idx3-ubyte": Uint8Array.of(0, 0, 7, 1, 0, 0, 0, 0) },
      "data-file-damaged",
      /train-images-idx3-ubyte: not an IDX file: magic number 0x00000701/,
    ],
    [
      "IDX of too many sides",
      { ...GOOD_IDX, "train-images-idx3-ubyte": idxFile(bytes(32), [2, 2, 2, 2, 2]) },
      "data-file-damaged",
      /train-images-idx3-ubyte: an IDX file with 5 sides/,
    ],
    [
      "a gzip stream that ends early",
      {
        ...GOOD_IDX,
        "t10k-images-idx3-ubyte": gzipSync(GOOD_IDX["t10k-images-idx3-ubyte"]!).subarray(0, 30),
      },
      "data-file-damaged",
      /t10k-images-idx3-ubyte: the gzip stream is damaged/,
    ],
    [
      "a gzip stream that unpacks to more than its header asks for",
      {
        ...GOOD_IDX,
        "t10k-images-idx3-ubyte": gzipSync(
          Buffer.concat([GOOD_IDX["t10k-images-idx3-ubyte"]!, Buffer.alloc(2 ** 25)]),
        ),
      },
      "data-file-damaged",
      /t10k-images-idx3-ubyte: it unpacks to more than the 56 bytes that its header requires/,
    ],
    [
      "a gzip stream that cannot unpack to what its header asks for",
      {
        ...GOOD_IDX,
        "train-images-idx3-ubyte": gzipSync(
          Uint8Array.of(0, 0, 8, 3, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0),
        ),
      },
      "data-format",
      /train-images-idx3-ubyte: it unpacks to more than 2147483648 bytes/,
    ],
    [
      "a short gzip stream with a header of 16 MB",
      {
        ...GOOD_IDX,
        "train-images-idx3-ubyte": gzipSync(
          Uint8Array.of(0, 0, 8, 3, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0),
        ),
      },
      "data-file-damaged",
      /train-images-idx3-ubyte: \d+ bytes cannot unpack to 16777232/,
    ],
  ];
  test.each(cases)("%s", async (_what, files, code, sentence) => {
    await refuse(write(files), code, sentence);
  });
});

describe("archives", () => {
  const members = Object.entries(GOOD).map(([name, content]) => ({ name, bytes: content }));
  const changed = (changes: object) => [{ ...members[0]!, ...changes }, ...members.slice(1)];
  const cases: [string, Uint8Array, string, RegExp][] = [
    [
      "that is cut short",
      zipFile(members).subarray(0, 300),
      "data-file-damaged",
      /set\.npz: it cannot be read as a zip archive/,
    ],
    [
      "without labels",
      zipFile(members.slice(0, 1)),
      "data-file-missing",
      /set\.npz has no array y_train\..*this one has x_train/,
    ],
    [
      "with two members of one name",
      zipFile([...members, members[0]!]),
      "data-file-damaged",
      /set\.npz: it has two members with the name x_train\.npy/,
    ],
    [
      "with a name that leads out of the folder",
      zipFile([...members, { name: "../../x_test.npy", bytes: bytes(3) }]),
      "data-file-damaged",
      /set\.npz: .*invalid relative path/,
    ],
    [
      "that unpacks to more than it says",
      zipFile(changed({ isPacked: true, unpackedLength: 100 })),
      "data-file-damaged",
      /set\.npz: .*too many bytes/,
    ],
    [
      "that unpacks to less than it says",
      zipFile(changed({ isPacked: true, unpackedLength: 300 })),
      "data-file-damaged",
      /set\.npz: .*not enough bytes/,
    ],
    [
      "whose packed array has a header that asks for less, before it is unpacked",
      zipFile(
        changed({
          bytes: Buffer.concat([members[0]!.bytes, randomBytes(2 ** 20)]),
          isPacked: true,
          unpackedLength: 2 ** 22,
        }),
      ),
      "data-file-damaged",
      /set\.npz \(x_train\.npy\): longer than its header says: 4194304 bytes/,
    ],
    [
      "that would unpack to more than any stream can",
      zipFile(changed({ isPacked: true, unpackedLength: 1_000_000 })),
      "data-file-damaged",
      /set\.npz \(x_train\.npy\): \d+ bytes cannot unpack to 1000000/,
    ],
    [
      "that unpacks to more than fits into memory",
      zipFile(
        changed({ bytes: randomBytes(2 ** 22), isPacked: true, unpackedLength: 2 ** 31 + 1 }),
      ),
      "data-format",
      /set\.npz \(x_train\.npy\): the arrays of this archive unpack to more than/,
    ],
    [
      "with a wrong checksum, packed",
      zipFile(changed({ isPacked: true, crc: 1 })),
      "data-file-damaged",
      /set\.npz \(x_train\.npy\): its content does not match the archive's checksum/,
    ],
    [
      "with a wrong checksum, stored",
      zipFile(changed({ crc: 1 })),
      "data-file-damaged",
      /set\.npz \(x_train\.npy\): its content does not match the archive's checksum/,
    ],
    [
      "with a wrong checksum of labels",
      zipFile([members[0]!, { ...members[1]!, crc: 1 }]),
      "data-file-damaged",
      /set\.npz \(y_train\.npy\): its content does not match the archive's checksum/,
    ],
    [
      "with a damaged array in it",
      zipFile(changed({ bytes: bytes(50) })),
      "data-file-damaged",
      /set\.npz \(x_train\.npy\): not an NPY file/,
    ],
  ];
  test.each(cases)("%s", async (_what, archive, code, sentence) => {
    await refuse(join(write({ "set.npz": archive }), "set.npz"), code, sentence);
  });
});

describe("paths", () => {
  test("nothing, and nothing that is data", async () => {
    await refuse("/no/such/place", "data-folder-missing", /\/no\/such\/place does not exist/);
    await refuse(
      write({}),
      "data-file-missing",
      /is none of the data that Tandem reads: .*IDX.*npz/,
    );
    const folder = write({ "notes.bin": Uint8Array.of(1, 2, 3, 0) });
    await refuse(join(folder, "notes.bin"), "data-format", /is none of the data that Tandem reads/);
    await refuse("/dev/null", "data-file-missing", /not a regular file/);
  });

  test.skipIf(process.platform === "win32").each([
    ["x_train.npy", with_({}), /x_train\.npy cannot be read \(it is not a regular file\)/],
    ["train-images-idx3-ubyte", GOOD_IDX, /idx3-ubyte cannot be read \(it is not a regular file\)/],
    ["set.npz", {}, /set\.npz cannot be read \(it is not a regular file\)/],
    ["train.csv", {}, /train\.csv: it cannot be read \(it is not a regular file\)/],
  ])("a named pipe %s is refused, not waited for", async (name, files, sentence) => {
    const others = Object.entries(files).filter(([each]) => each !== name);
    const folder = write(Object.fromEntries(others));
    execFileSync("mkfifo", [join(folder, name)]);
    const code = name.endsWith(".csv") ? "data-table" : "data-file-missing";
    await refuse(folder, code, sentence);
  });

  test("with line feeds and of 300 characters", async () => {
    await refuse(
      `/no\nsuch ${"x".repeat(300)}`,
      "data-file-missing",
      /--data \/no.such x+.*cannot be read/,
    );
    await refuse("/no\nsuch", "data-folder-missing", /--data \/no.such does not exist/);
  });
});
