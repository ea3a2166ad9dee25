// Pictures that do not fit into memory: measures the time to open them, the time of steps, and the memory of the process.
//
// node scripts/large-pictures.mjs [--count 20000]     JPEG files of 224 × 224 pixels; 20,000 have 3 GB of pixels
import { linkSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { conv, data, dense, globalAveragePool, network, relu, sgd, train } from "../dist/index.js";
import { Random } from "../dist/shared/random.js";

const { values: options } = parseArgs({ options: { count: { type: "string", default: "20000" } } });
const SIDE = 224;
/** All others are links to these. */
const DIFFERENT = 200;
const STEPS = 60;

const count = Number(options.count);
const folder = mkdtempSync(join(tmpdir(), "tandem-pictures-"));
try {
  await writeJpegs();
  const before = process.memoryUsage().rss;
  let begin = performance.now();
  const pictures = await data(folder, { validationSize: 0 });
  const bytes = count * SIDE * SIDE * 3;
  console.log(`${pictures.description}`);
  console.log(`${(bytes / 1e9).toFixed(1)} GB of pixels, opened in ${secondsSince(begin)} s`);
  begin = performance.now();
  for (let from = 0; from < 2000; from += 50) {
    await pictures.training.gather(Uint32Array.from({ length: 50 }, (_, index) => from + index));
  }
  console.log(`${Math.round(2000 / Number(secondsSince(begin)))} pictures decoded per second`);
  const { result } = train({
    data: pictures,
    network: network(
      [SIDE, SIDE, 3],
      [conv(8, 3, { strides: 4 }), relu(), globalAveragePool(), dense(2)],
    ),
    optimizer: sgd({ learningRate: 0.01 }),
    ...{ steps: STEPS, batchSize: 50, evalEvery: 0, engine: "wasm" },
    output: join(folder, "checkpoint.safetensors"),
  });
  begin = performance.now();
  await result;
  console.log(
    `${STEPS} steps of 50 and an evaluation of ${pictures.test.count} pictures in ${secondsSince(begin)} s`,
  );
  const highest = process.resourceUsage().maxRSS / 1024;
  console.log(
    `resident: ${Math.round(before / 2 ** 20)} MiB before, at most ${Math.round(highest)} MiB`,
  );
} finally {
  rmSync(folder, { recursive: true });
}

async function writeJpegs() {
  const random = new Random(0, "jpegs");
  for (const name of ["a", "b"]) mkdirSync(join(folder, name));
  const place = (/** @type {number} */ index) =>
    join(folder, index % 2 === 0 ? "a" : "b", `${index}.jpg`);
  for (let index = 0; index < count; index++) {
    if (index >= DIFFERENT) {
      linkSync(place(index % DIFFERENT), place(index));
      continue;
    }
    const coarse = Uint8Array.from({ length: 16 * 16 * 3 }, () => random.below(256));
    await sharp(coarse, { raw: { width: 16, height: 16, channels: 3 } })
      .resize(SIDE, SIDE)
      .jpeg()
      .toFile(place(index));
  }
}

/** @param {number} begin */
function secondsSince(begin) {
  return ((performance.now() - begin) / 1000).toFixed(1);
}
