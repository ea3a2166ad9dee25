// Data of every kind of array in real processes: what a run says of it, what it ends in, and how much memory it takes.
import { execFile } from "node:child_process";
import {
  ftruncateSync,
  openSync,
  closeSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { npyFile, zipFile } from "../support/arrays.js";
import { FILE_NAMES, SMALL, temporaryFolder, writeDataset } from "../support/data.js";
import { killAll, tandem } from "../support/tandem.js";

afterEach(killAll);

const { trainCount, testCount, height, width } = SMALL;
const options = ["--network", "sigmoid", "--batch-size", "10", "--steps", "12", "--engine", "wasm"];

/** The same samples as IDX, as a folder of NPY files and as an archive. */
let paths: { idx: string; npy: string; npz: string };
beforeAll(() => {
  const idx = writeDataset();
  const valuesOf = (name: string, header: number) =>
    new Uint8Array(readFileSync(join(idx, name)).subarray(header));
  const labelsOf = (name: string, shape: readonly number[]) =>
    npyFile(BigInt64Array.from(valuesOf(name, 8), BigInt), shape);
  const arrays = {
    x_train: npyFile(valuesOf(FILE_NAMES.trainImages, 16), [trainCount, height, width, 1]),
    y_train: labelsOf(FILE_NAMES.trainLabels, [trainCount, 1]),
    x_test: npyFile(valuesOf(FILE_NAMES.testImages, 16), [testCount, height, width]),
    y_test: labelsOf(FILE_NAMES.testLabels, [testCount]),
  };
  const npy = temporaryFolder();
  const members = Object.entries(arrays).map(([name, bytes]) => {
    writeFileSync(join(npy, `${name}.npy`), bytes);
    return { name: `${name}.npy`, bytes, isPacked: true };
  });
  const npz = join(temporaryFolder(), "small set.npz");
  writeFileSync(npz, zipFile(members));
  paths = { idx, npy, npz };
});

async function train(path: string, ...more: string[]) {
  const cwd = temporaryFolder();
  const run = await tandem(["single", "--data", path, ...options, ...more], { cwd });
  expect(run.code, run.stderr).toBe(0);
  return { ...run, cwd, file: join(cwd, "checkpoint.safetensors") };
}

test("a run ends in the same file, whatever its samples are stored as", async () => {
  const idx = await train(paths.idx);
  for (const path of [paths.npy, paths.npz]) {
    expect(readFileSync((await train(path)).file).equals(readFileSync(idx.file))).toBe(true);
  }
});

test("what was found is said before the start, for people and for programs", async () => {
  const description = "NPZ images 8×10×1, 4 classes: 87 training, 9 validation, 40 test samples";
  const { stderr } = await train(paths.npz);
  expect(stderr.split("\n")[0]).toBe(`data: ${description}`);
  const { events } = await train(paths.npz, "--json");
  const [data, start] = events;
  expect(data).toEqual({
    event: "data",
    kind: "npz",
    path: paths.npz,
    training: 87,
    validation: 9,
    test: 40,
    inputShape: [8, 10, 1],
    target: { kind: "classes", count: 4 },
    description,
  });
  expect(start?.event).toBe("start");
});

describe("a checkpoint of a run on IDX", () => {
  let checkpoint: string;
  let accuracy: string;
  beforeAll(async () => {
    const { file, stdout } = await train(paths.idx);
    checkpoint = file;
    accuracy = stdout.trim().split("\n").at(-1)!;
  });
  const run = (...args: string[]) => tandem(args, { cwd: temporaryFolder() });

  test("is resumed, evaluated and recalibrated on the same samples in an archive", async () => {
    const { code, stderr } = await run(
      ...["single", "--resume", checkpoint, "--data", paths.npz, "--steps", "14"],
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining("from step 12 on")]);
    const evaluated = await run("evaluate", checkpoint, "--data", paths.npz);
    expect(evaluated.stdout.trim()).toBe(accuracy);
    expect(evaluated.stderr).toContain("data: NPZ images 8×10×1");
    const more = ["--output", "r.safetensors", "--data", paths.npy, "--json"];
    const recalibrated = await run("recalibrate", checkpoint, ...more);
    expect(recalibrated.events.find(({ event }) => event === "recalibrated")?.["samples"]).toBe(87);
  });

  test("predicts the samples of an NPY file as those of an IDX file", async () => {
    const predict = async (file: string) => {
      const { events, stderr } = await run("predict", checkpoint, file, "--json");
      expect(events, stderr).toHaveLength(testCount);
      return events.map(({ probabilities }) => probabilities);
    };
    const own = await predict(join(paths.idx, FILE_NAMES.testImages));
    expect(await predict(join(paths.npy, "x_test.npy"))).toEqual(own);
    const wrong = await run("predict", checkpoint, join(paths.npy, "y_test.npy"));
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/y_test\.npy: inputs of int64/);
  });

  test("does not replace its data", async () => {
    const output = join(paths.npy, "x_test.npy");
    const more = ["--data", paths.npy, "--output", output, "--steps", "1"];
    const { code, stderr } = await run("single", ...more);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/also a file of the data/)]);
  });
});

/** An NPY file of zeros, whose blocks no disk has to hold. */
function writeZeros(file: string, shape: readonly number[]): void {
  const fd = openSync(file, "w");
  const header = npyFile(new Uint8Array(), shape);
  writeSync(fd, header);
  ftruncateSync(fd, header.length + shape.reduce((product, side) => product * side, 1));
  closeSync(fd);
}

const PROGRAM = (path: string, entry: string) => `
  import { data, dense, network, train } from ${JSON.stringify(entry)};
  const set = await data(${JSON.stringify(path)}, { maxMemoryBytes: 2 ** 20 });
  const options = { data: set, network: network([1000], [dense(2)]), engine: "wasm" };
  await train({ ...options, batchSize: 100, steps: 40, evalEvery: 0, output: "c.safetensors" }).result;
  await set.close();
  console.log(process.resourceUsage().maxRSS * 1024);
`;

test("a set of 800 MB takes at most 400 MB more memory than one of 6 MB", async () => {
  const entry = pathToFileURL(fileURLToPath(new URL("../../dist/index.js", import.meta.url))).href;
  const run = promisify(execFile);
  const peakBytes = async (count: number) => {
    const cwd = temporaryFolder();
    writeZeros(join(cwd, "x.npy"), [count, 1000]);
    const labels = Uint8Array.from({ length: count }, (_, index) => index % 2);
    writeFileSync(join(cwd, "y.npy"), npyFile(labels, [count]));
    const args = ["--input-type=module", "--eval", PROGRAM(cwd, entry)];
    const { stdout } = await run(process.execPath, args, { cwd });
    return Number(stdout);
  };
  const [small, large] = [await peakBytes(6_000), await peakBytes(800_000)];
  // Two windows of the test set, labels, and what V8 has yet to collect.
  expect(large - small).toBeLessThan(400e6);
}, 120_000);
