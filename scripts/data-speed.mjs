// Measures the cost of each kind of data: trains a small network on the same images of MNIST from each source, in a new process,
// and prints a Markdown table for docs/data.md. The network is so small that a step takes about a millisecond, so that slower
// sources are noticeable. Takes under six minutes.
//
//   node scripts/data-speed.mjs [--rounds 3] [--images 12000] [--steps 400]
//
// To the first step: from the start of the process to the end of its first step, including the start of Node, opening and checking
// the data, and preparing the engine. Samples per second: over all steps except the first fifty. Memory: peak resident memory.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  readImages,
  SIDE,
  writeCsv,
  writeIdx,
  writeNpy,
  writeNpz,
  writePng,
} from "./data-speed/sets.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    images: { type: "string", default: "12000" },
    steps: { type: "string", default: "400" },
    /** The request to a child process, as JSON. */
    child: { type: "string" },
  },
});

/** Number of training images, and of test images. */
const TEST_SHARE = 5;
const BATCH = 100;
/** Steps that are not counted, because the code is being compiled. */
const WARM_UP = 50;

/** @typedef {{ name: string, path: string, isOwn?: boolean, maxMemoryBytes?: number }} Source */
/** @typedef {{ firstStepMs: number, samplesPerSecond: number, rssBytes: number }} Measured */

if (values.child === undefined) await measureAll();
else await runChild(JSON.parse(values.child));

async function measureAll() {
  const folder = mkdtempSync(join(tmpdir(), "tandem-sources-"));
  try {
    const sources = await writeSources(folder);
    /** @type {Map<string, Measured[]>} */
    const runs = new Map(sources.map(({ name }) => [name, []]));
    // In turn, so that anything that slows the machine down affects all of them.
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const source of sources) runs.get(source.name)?.push(child(source, folder, round));
    }
    const { images, rounds, steps } = values;
    console.log(
      `${images} training images of 28 × 28, ${steps} steps of ${BATCH}, n = ${rounds}, least to most; ${cpus()[0]?.model}, ${cpus().length} CPUs, Node ${process.versions.node}, wasm engine\n`,
    );
    printRow("source", "on disk", "to the first step", "samples per second", "resident at most");
    printRow(...Array.from({ length: 5 }, () => "---"));
    for (const { name, path, isOwn } of sources) {
      const all = runs.get(name) ?? [];
      const size = isOwn === true ? "" : `${megabytes(bytesIn(path))} MB`;
      const seconds = rangeOf(all, ({ firstStepMs }) => (firstStepMs / 1000).toFixed(2));
      const rate = rangeOf(all, ({ samplesPerSecond }) => String(Math.round(samplesPerSecond)));
      const memory = rangeOf(all, ({ rssBytes }) => megabytes(rssBytes));
      printRow(name, size, `${seconds} s`, rate, `${memory} MB`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} folder @returns {Promise<Source[]>} */
async function writeSources(folder) {
  const trainCount = Number(values.images);
  const at = (/** @type {string} */ name) => join(folder, name);
  const idx = at("idx");
  writeIdx(idx, trainCount, Math.floor(trainCount / TEST_SHARE));
  const sets = readImages(idx);
  writeNpz(at("images.npz"), sets);
  writeNpy(at("npy"), sets);
  writeCsv(at("csv"), sets);
  await writePng(at("png"), sets);
  return [
    { name: "IDX", path: idx },
    { name: "NPZ", path: at("images.npz") },
    { name: "folder of NPY", path: at("npy") },
    { name: "… read from the files", path: at("npy"), maxMemoryBytes: 0 },
    { name: "folder of PNG", path: at("png") },
    { name: "… decoded when needed", path: at("png"), maxMemoryBytes: 0 },
    { name: `CSV, ${SIDE * SIDE} columns`, path: at("csv") },
    { name: "source of one's own", path: idx, isOwn: true },
  ];
}

/**
 * @param {Source} source
 * @param {string} folder
 * @param {number} round
 * @returns {Measured}
 */
function child(source, folder, round) {
  // Nothing is known about the files, as when they are used for the first time.
  const cache = join(folder, `cache-${round}-${source.name.replaceAll(/\W/g, "-")}`);
  mkdirSync(cache);
  const request = JSON.stringify({ ...source, output: join(cache, "checkpoint.safetensors") });
  const args = [import.meta.filename, "--steps", values.steps, "--child", request];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...process.env, XDG_CACHE_HOME: cache },
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** @param {Source & { output: string }} request */
async function runChild({ path, isOwn, maxMemoryBytes, output }) {
  const { data, dense, flatten, network, relu, sgd, train } = await import("../dist/index.js");
  const set =
    isOwn === true
      ? await ownSource(path)
      : await data(path, maxMemoryBytes === undefined ? {} : { maxMemoryBytes });
  const layers = [dense(64), relu(), dense(10)];
  const pixels = SIDE * SIDE;
  const steps = Number(values.steps);
  /** @type {number[]} when each step ended, since the process started */
  const ends = [];
  const { result } = train({
    data: set,
    network:
      set.inputShape.length === 1
        ? network([pixels], layers)
        : network([SIDE, SIDE, 1], [flatten(), ...layers]),
    optimizer: sgd({ learningRate: 0.01 }),
    ...{ batchSize: BATCH, steps, evalEvery: 0, checkpointEvery: 0, engine: "wasm", output },
    onEvent: ({ event }) => {
      if (event === "step") ends.push(performance.now());
    },
  });
  await result;
  await set.close?.();
  const [first = NaN, warm = NaN, last = NaN] = [ends[0], ends[WARM_UP - 1], ends.at(-1)];
  const samplesPerSecond = (1000 * BATCH * (ends.length - WARM_UP)) / (last - warm);
  const rssBytes = 1024 * process.resourceUsage().maxRSS;
  console.log(JSON.stringify({ firstStepMs: first, samplesPerSecond, rssBytes }));
}

/** A function that returns each sample from bytes in memory. @param {string} path of IDX files */
async function ownSource(path) {
  const { source } = await import("../dist/index.js");
  const { train: training, test } = readImages(path);
  const size = SIDE * SIDE;
  const samplesOf = (/** @type {import("./data-speed/sets.mjs").Images} */ set) => ({
    length: set.count,
    sample: (/** @type {number} */ index) => ({
      input: set.images.subarray(index * size, (index + 1) * size),
      target: set.labels[index] ?? 0,
    }),
  });
  return source({
    inputShape: [SIDE, SIDE, 1],
    inputType: "uint8",
    training: { ...samplesOf(training), classes: 10 },
    test: samplesOf(test),
    id: "the first images of MNIST",
  });
}

/** @param {string} path @returns {number} */
function bytesIn(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

/** `0.52–0.58`, or a single number if they are the same. @param {Measured[]} all @param {(run: Measured) => string} textOf */
function rangeOf(all, textOf) {
  const texts = all.map(textOf).sort((a, b) => Number(a) - Number(b));
  const [least = "", most = ""] = [texts[0], texts.at(-1)];
  return least === most ? least : `${least}–${most}`;
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(0);
}

/** @param {string[]} cells */
function printRow(...cells) {
  console.log(`| ${cells.join(" | ")} |`);
}
