// Arrays written by NumPy itself (fixtures/numpy/make.py), and arrays of every shape that are written and read again.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readTargets } from "../../../src/shared/data/files/arrays/array-targets.js";
import { MemoryBytes } from "../../../src/shared/data/files/byte-source.js";
import { readArray, type StoredArray } from "../../../src/shared/data/files/arrays/stored-array.js";
import { decodeInputs, inputTypeOf } from "../../../src/shared/data/files/arrays/value-type.js";
import { TandemError } from "../../../src/shared/errors.js";
import { idxFile, npyFile, type Values } from "../../support/arrays.js";

const FOLDER = join(import.meta.dirname, "fixtures/numpy");
const EXPECTED = JSON.parse(readFileSync(join(FOLDER, "expected.json"), "utf8")) as Record<
  string,
  { shape: number[]; values: number[] }
>;

function readFixture(name: string): Promise<StoredArray> {
  return readArray(new MemoryBytes(name, readFileSync(join(FOLDER, `arrays/${name}.npy`))));
}

const bytesIn = ({ source, byteOffset }: StoredArray) => source.bytes!.subarray(byteOffset);

describe("what NumPy wrote", () => {
  const names = Object.keys(EXPECTED);
  test.each(names.filter((name) => !/class|fortran/.test(name)))("%s", async (name) => {
    const array = await readFixture(name);
    expect(array.shape).toEqual(EXPECTED[name]!.shape);
    expect([...decodeInputs(array.type, bytesIn(array))]).toEqual(EXPECTED[name]!.values);
  });

  test.each(names.filter((name) => /class|fortran/.test(name)))("%s", async (name) => {
    const targets = readTargets(name, await readFixture(name), bytesIn(await readFixture(name)));
    expect(targets.kind === "classes" && [...targets.labels]).toEqual(EXPECTED[name]!.values);
  });

  test.each([
    ["fortran", "data-format", /fortran.*Fortran order.*ascontiguousarray/],
    ["objects", "data-format", /pickled Python objects.*never loaded/],
    ["structured", "data-format", /structured.*structured array/],
    ["strings", "data-format", /strings.*'<U3'/],
    ["complex", "data-format", /complex.*'<c8'/],
    ["dates", "data-format", /dates.*'<M8\[D\]'/],
    ["scalar", "data-format", /scalar.*0 sides/],
    ["five-sides", "data-format", /five-sides.*5 sides/],
  ])("%s is refused", async (name, code, sentence) => {
    const error = await readFixture(name).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TandemError);
    expect([(error as TandemError).code, (error as TandemError).exitCode]).toEqual([code, 2]);
    expect((error as TandemError).message).toMatch(sentence);
  });
});

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
const types = fc.constantFrom(Uint8Array, Float32Array, Float64Array);

test("arrays of any shape and type are read as they were written, as NPY and as IDX", async () => {
  await fc.assert(
    fc.asyncProperty(
      shapes,
      types,
      fc.infiniteStream(fc.integer()),
      async (shape, type, stream) => {
        const length = shape.reduce((product, side) => product * side, 1);
        const values = type.from([...stream.take(length)].map((value) => value / 7)) as Values;
        for (const write of [npyFile, idxFile] as const) {
          const bytes = write(values as Float32Array, shape);
          // Also if the values do not begin at a multiple of their length.
          for (const shift of [0, 3]) {
            const moved = new Uint8Array(bytes.length + shift).subarray(shift);
            moved.set(bytes);
            const array = await readArray(new MemoryBytes("made here", moved));
            expect(array.shape).toEqual(shape);
            expect(inputTypeOf(array.type)).toBe(type === Uint8Array ? "uint8" : "float32");
            const expected =
              type === Uint8Array ? values : Float32Array.from(values as Float32Array);
            expect(decodeInputs(array.type, bytesIn(array))).toEqual(expected);
          }
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("whatever the bytes are, an array or a refusal by name comes of them", async () => {
  const good = [...npyFile(new Float32Array(12), [4, 3]), ...idxFile(new Uint8Array(6), [3, 2])];
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(good, { minLength: 1 }),
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }),
      async (kept, changes) => {
        const bytes = Uint8Array.from(kept);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        await readArray(new MemoryBytes("made here", bytes)).catch((error: unknown) => {
          expect(error).toBeInstanceOf(TandemError);
          expect((error as TandemError).message).toMatch(/^made here: [^\n]+$/);
        });
      },
    ),
    { numRuns: 500 },
  );
});
