// Runs from files to a stated result, one for each kind of file: prints a row per run for docs/data.md, and ends with exit code 1
// if a run misses its goal. Data sets are written from Python packages or from MNIST, or are generated here.
//
// node scripts/data-runs.mjs [NAME...] --python PYTHON     a Python with scikit-learn, for digits and cancer
// Names: digits, cancer, houses, pictures; also fashion, which takes most of an hour and the files of Debian's package
// dataset-fashion-mnist.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { adamw, batchNorm, data, dense, network, oneCycle, relu, train } from "../dist/index.js";
import { readCheckpoint } from "../dist/shared/checkpoint/checkpoint.js";
import { writeHouses } from "./data-runs/houses.mjs";
import { writeAsIdx, writePictures } from "./data-runs/pictures.mjs";
import { residualNetwork } from "./data-runs/residual.mjs";
import { writeSklearnTable } from "./data-runs/sklearn.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python3" },
    /** Number of pictures made from MNIST; a sixth of them are test pictures. */
    pictures: { type: "string", default: "12000" },
    fashion: { type: "string", default: "/usr/share/datasets/fashion-mnist" },
  },
});

/**
 * @typedef {{
 *   write: () => string | Promise<string>,
 *   open?: import("../dist/index.js").OpenDataOptions,
 *   options: Partial<import("../dist/index.js").TrainOptions> & { steps: number },
 *   goal: { testAccuracy: number } | { testLoss: number },
 * }} DataRun
 */

const folder = mkdtempSync(join(tmpdir(), "tandem-data-"));
const hidden = [dense(64, { useBias: false }), batchNorm(), relu()];

/** @type {Record<string, DataRun>} */
const RUNS = {
  digits: {
    write: () => writeSklearnTable(options.python, "digits", join(folder, "digits.csv")),
    open: { label: "digit", validationSize: 144 },
    options: { network: "sigmoid", optimizer: adamw({ learningRate: oneCycle(0.01) }), steps: 600 },
    goal: { testAccuracy: 0.97 },
  },
  cancer: {
    write: () => writeSklearnTable(options.python, "cancer", join(folder, "cancer.csv")),
    open: { label: "diagnosis", validationSize: 45 },
    options: {
      network: "sigmoid",
      optimizer: adamw({ learningRate: oneCycle(0.003) }),
      steps: 200,
    },
    goal: { testAccuracy: 0.95 },
  },
  houses: {
    write: () => writeHouses(join(folder, "houses.csv")),
    open: { label: "value", validationSize: 480 },
    options: {
      network: network([10], [...hidden, ...hidden, dense(1)]),
      optimizer: adamw({ learningRate: oneCycle(0.01) }),
      steps: 2000,
    },
    goal: { testLoss: 0.06 },
  },
  pictures: {
    write: () => writePictures(join(folder, "pictures"), Number(options.pictures)),
    open: { validationSize: 1000 },
    options: { network: "cnn", optimizer: adamw({ learningRate: oneCycle(0.01) }), steps: 300 },
    goal: { testAccuracy: 0.97 },
  },
  fashion: {
    write: () => options.fashion,
    open: { validationSize: 5000 },
    options: {
      network: residualNetwork([28, 28, 1], 10),
      optimizer: adamw({ learningRate: oneCycle(0.01) }),
      augmentation: { shift: 2, flip: true },
      batchSize: 128,
      steps: 5160,
    },
    goal: { testAccuracy: 0.925 },
  },
};

const unknown = positionals.find((name) => !(name in RUNS));
if (unknown !== undefined) {
  process.stderr.write(`${unknown}: it must be one of ${Object.keys(RUNS).join(", ")}.\n`);
  process.exit(2);
}
const names =
  positionals.length > 0 ? positionals : Object.keys(RUNS).filter((name) => name !== "fashion");

let missed = 0;
try {
  printRow("run", "data", "steps", "result", "stated", "seconds");
  printRow(...Array.from({ length: 6 }, () => "---"));
  for (const name of names) {
    const run = RUNS[name];
    if (run) await carryOut(name, run);
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = missed > 0 ? 1 : 0;

/** @param {string} name @param {DataRun} run */
async function carryOut(name, run) {
  const path = await run.write();
  const { result, seconds, description } = await trainOn(path, run, name);
  const { testAccuracy = 0, testLoss } = result;
  const { goal } = run;
  const isReached =
    "testAccuracy" in goal ? testAccuracy >= goal.testAccuracy : testLoss <= goal.testLoss;
  const [found, stated] =
    "testAccuracy" in goal
      ? [`accuracy ${testAccuracy.toFixed(4)}`, `at least ${goal.testAccuracy}`]
      : [`mean squared error ${testLoss.toFixed(4)}`, `at most ${goal.testLoss}`];
  report(isReached, name, description, run.options.steps, found, stated, seconds.toFixed(0));
  if (name === "pictures") await compareWithIdx(path, run);
}

/** The same samples in the same order, but as IDX files, must give the same weights. @param {string} pictures @param {DataRun} run */
async function compareWithIdx(pictures, run) {
  const idx = await writeAsIdx(pictures, join(folder, "idx"));
  const { seconds, description } = await trainOn(idx, run, "idx");
  const [own, found] = ["pictures", "idx"].map((name) =>
    bitsOf(join(folder, `${name}.safetensors`)),
  );
  const isSame = own === found;
  report(
    isSame,
    "the same as IDX",
    description,
    run.options.steps,
    isSame ? "the same weights, bit by bit" : "other weights",
    "the same weights",
    seconds.toFixed(0),
  );
}

/** @param {string} path @param {DataRun} run @param {string} name of the checkpoint */
async function trainOn(path, run, name) {
  const opened = await data(path, run.open);
  const begin = performance.now();
  const { result } = train({
    ...{ ...run.options, data: opened, population: "exact", evalEvery: 0 },
    output: join(folder, `${name}.safetensors`),
  });
  const ended = await result;
  if (ended.ended !== "finished") throw new Error(`${name} was interrupted`);
  const seconds = (performance.now() - begin) / 1000;
  return { result: ended, seconds, description: opened.description ?? "" };
}

/** Digest of all tensors. @param {string} file */
function bitsOf(file) {
  const { tensors } = readCheckpoint(file);
  return tensors
    .map(
      ({ name, values: { buffer, byteOffset, byteLength } }) =>
        `${name} ${Buffer.from(buffer, byteOffset, byteLength).toString("base64")}`,
    )
    .join("\n");
}

/** @param {boolean} isReached @param {(string | number)[]} cells name, data, steps, result and so on */
function report(isReached, ...cells) {
  if (!isReached) missed++;
  printRow(...cells.map((cell, index) => (index === 3 && !isReached ? `${cell}, missed` : cell)));
}

/** @param {(string | number)[]} cells */
function printRow(...cells) {
  console.log(`| ${cells.join(" | ")} |`);
}
