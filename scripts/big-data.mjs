// Trains on a generated data set that is larger than the memory it may use, and measures what that costs.
//
//   node scripts/big-data.mjs [--gigabytes 5] [--steps 60] [--rounds 5] [--engine NAME] [--folder FOLDER]
//
// 1. The whole set: the time to open it for the first time (every byte is read, for the digest and the checks) and again (the
//    digest is known), and the resident memory of a process that trains on it.
// 2. A part of it, alternately in memory and read from its file: how much more a step costs. The file is in the operating
//    system's cache ("warm") or is dropped from it before each run ("cold", with GNU dd).
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "5" },
    steps: { type: "string", default: "60" },
    rounds: { type: "string", default: "5" },
    engine: { type: "string" },
    folder: { type: "string", default: tmpdir() },
    /** The request to a child process, as JSON. */
    child: { type: "string" },
  },
});

const SIDE = 28;
const BYTES = SIDE * SIDE;
const CLASSES = 10;
const BATCH = 50;
const TEST_COUNT = 1000;
const DRAWN = 10_000;
const PART_BYTES = 200e6;
/** Steps that are not counted, because the code is being compiled and the file's first pages are read. */
const WARM_UP = 10;

/** @typedef {{ openMs: number, rssBytes: number, medianMs: number, cpuMs: number, description: string }} Measured */

if (values.child === undefined) measure();
else await runChild(JSON.parse(values.child));

function measure() {
  const folder = mkdtempSync(join(values.folder, "tandem-big-"));
  try {
    const [whole, part] = [join(folder, "whole"), join(folder, "part")];
    const count = Math.floor((Number(values.gigabytes) * 1e9) / BYTES);
    writeSet(whole, count);
    writeSet(part, Math.floor(PART_BYTES / BYTES));
    console.log(`${cpus()[0]?.model}, ${cpus().length} CPUs, Node ${process.versions.node}`);
    console.log(`${count.toLocaleString("en")} images of 28×28×1 in one NPY file`);
    const steps = Number(values.steps);
    const small = child({ path: part, steps, maxMemoryBytes: 0 });
    for (const which of ["first time", "digest known"]) {
      const { openMs, rssBytes, description } = child({ path: whole, steps });
      const more = (rssBytes - small.rssBytes) / 1e6;
      console.log(
        `${which}: opened in ${(openMs / 1000).toFixed(1)} s, ${(rssBytes / 1e6).toFixed(0)} MB resident at most, ${more.toFixed(0)} MB more than with ${PART_BYTES / 1e6} MB of images; ${description}`,
      );
    }
    for (const which of ["warm", "cold"]) compare(part, steps, which === "cold");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} path @param {number} steps @param {boolean} isCold */
function compare(path, steps, isCold) {
  /** @type {Record<string, Measured[]>} */
  const runs = { memory: [], file: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, maxMemoryBytes] of Object.entries({ memory: 2 ** 40, file: 0 })) {
      if (isCold) dropFromCache(join(path, "x_train.npy"));
      runs[name]?.push(child({ path, steps, maxMemoryBytes }));
    }
  }
  for (const what of /** @type {const} */ (["medianMs", "cpuMs"])) {
    const [memory, file] = [runs["memory"], runs["file"]].map((all = []) =>
      all.map((run) => run[what]),
    );
    const list = (/** @type {number[] | undefined} */ all) =>
      all?.map((ms) => ms.toFixed(1)).join(" ");
    const ratio = Math.min(...(file ?? [])) / Math.min(...(memory ?? []));
    console.log(
      `${isCold ? "cold" : "warm"}, ${what === "cpuMs" ? "processor time of a step" : "median step"}: in memory ${list(memory)} ms, from the file ${list(file)} ms; least to least ${(100 * (ratio - 1)).toFixed(1)} %`,
    );
  }
}

/** The digest of the files is already known, so nothing is read before the steps. @param {string} file */
function dropFromCache(file) {
  execFileSync("dd", [`if=${file}`, "iflag=nocache", "count=0"], { stdio: "ignore" });
}

/**
 * @param {{ path: string, steps: number, maxMemoryBytes?: number }} request
 * @returns {Measured}
 */
function child(request) {
  const more = values.engine === undefined ? {} : { engine: values.engine };
  // As in the command line (docs/architecture.md, "V8 and buffers").
  const args = [
    "--no-incremental-marking",
    import.meta.filename,
    "--child",
    JSON.stringify({ ...request, ...more }),
  ];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** @param {{ path: string, steps: number, maxMemoryBytes?: number, engine?: "wasm" | "tensorflow" }} request */
async function runChild({ path, steps, maxMemoryBytes, engine }) {
  const { data, train } = await import("../dist/index.js");
  const start = performance.now();
  const set = await data(path, maxMemoryBytes === undefined ? {} : { maxMemoryBytes });
  const openMs = performance.now() - start;
  /** @type {number[]} */
  const durations = [];
  let warmedUp = process.cpuUsage();
  const run = train({
    ...{ data: set, network: "cnn", batchSize: BATCH, steps, evalEvery: 0, checkpointEvery: 0 },
    ...(engine === undefined ? {} : { engine }),
    output: join(path, "..", "checkpoint.safetensors"),
    onEvent: (event) => {
      if (event.event !== "step") return;
      durations.push(event.durationMs);
      if (durations.length === WARM_UP) warmedUp = process.cpuUsage();
    },
  });
  await run.result;
  const { user, system } = process.cpuUsage(warmedUp);
  await set.close?.();
  const counted = durations.slice(WARM_UP).sort((a, b) => a - b);
  const rssBytes = 1024 * process.resourceUsage().maxRSS;
  const medianMs = counted[Math.floor(counted.length / 2)];
  const cpuMs = (user + system) / 1000 / counted.length;
  console.log(JSON.stringify({ openMs, rssBytes, medianMs, cpuMs, description: set.description }));
}

/**
 * Each class is a bright bar at its own place, on noise. The images repeat after 10,000: drawing all of them would take longer
 * than the measurement.
 * @param {string} folder
 * @param {number} count
 */
function writeSet(folder, count) {
  mkdirSync(folder);
  const images = Uint8Array.from({ length: DRAWN * BYTES }, (_, at) => {
    const [image, pixel] = [Math.floor(at / BYTES), at % BYTES];
    const isBar = Math.floor((pixel * CLASSES) / BYTES) === image % CLASSES;
    return (isBar ? 150 : 0) + (Math.imul(at, 0x9e3779b1) >>> 26);
  });
  const labels = Uint8Array.from({ length: DRAWN }, (_, image) => image % CLASSES);
  for (const [name, samples] of Object.entries({ train: count, test: TEST_COUNT })) {
    writeArray(join(folder, `x_${name}.npy`), [samples, SIDE, SIDE], images);
    writeArray(join(folder, `y_${name}.npy`), [samples], labels);
  }
}

/**
 * @param {string} file
 * @param {number[]} shape
 * @param {Uint8Array} block is written repeatedly
 */
function writeArray(file, shape, block) {
  const fd = openSync(file, "w");
  const dictionary = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${dictionary.padEnd(117)}\n`, "latin1");
  writeSync(fd, header);
  const total = shape.reduce((product, side) => product * side, 1);
  for (let from = 0; from < total; from += block.length) {
    writeSync(fd, block.subarray(0, Math.min(block.length, total - from)));
  }
  closeSync(fd);
}
