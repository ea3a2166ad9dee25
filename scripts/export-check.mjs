// Exports a checkpoint to every format and runs each export with the libraries that it is for, on MNIST's whole test set. Prints
// how many predicted classes differ from Tandem's own, and the largest difference of logits.
//
// node scripts/export-check.mjs CHECKPOINT     TANDEM_PYTHON: path of a Python with tensorflow, keras and onnxruntime
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { browserPath, openBrowser } from "./browser.mjs";
import "../dist/shared/digest/node-digests.js";
import { exportCheckpoint } from "../dist/export/export-model.js";
import { restoreReplica } from "../dist/run/restored-replica.js";
import { readCheckpoint } from "../dist/shared/checkpoint/checkpoint.js";
import { openData } from "../dist/shared/data/files/open-data.js";

const BATCH = 250;

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: node scripts/export-check.mjs CHECKPOINT");

const python = process.env["TANDEM_PYTHON"];
const { inputs, targets } = await readTestSet();
const count = targets.length;
const reference = ownLogits(file);
const classCount = reference.length / count;

const folder = mkdtempSync(join(tmpdir(), "tandem-export-"));
try {
  const paths = {
    "saved-model": join(folder, "saved-model"),
    keras: join(folder, "model.keras"),
    onnx: join(folder, "model.onnx"),
    tfjs: join(folder, "tfjs"),
  };
  for (const [format, path] of Object.entries(paths)) {
    await exportCheckpoint(file, /** @type {keyof typeof paths} */ (format), path);
  }
  report("Tandem", reference);
  report("onnxruntime in Node", await runOnnx(paths.onnx));
  if (python === undefined) console.log("Python: skipped, because TANDEM_PYTHON is not set");
  else runPython(paths, python);
  if (browserPath !== undefined) report("TensorFlow.js in Chromium", await runTfjs());
} finally {
  rmSync(folder, { recursive: true });
}

/** Pixels from 0 to 255 as float32, and labels. */
async function readTestSet() {
  const { test } = await openData(undefined, { validationSize: 0 });
  const all = await test.gather(Uint32Array.from({ length: test.count }, (_, index) => index));
  return { inputs: Float32Array.from(all.inputs), targets: all.targets };
}

/** @param {string} path */
function ownLogits(path) {
  const replica = restoreReplica(readCheckpoint(path), { name: "wasm" });
  const { inference } = replica.graph;
  const [, ...shape] = inference.inputs.shape;
  const parts = [];
  for (let from = 0; from < count; from += BATCH) {
    const batch = inputs.subarray(from * 784, (from + BATCH) * 784).map((value) => value / 255);
    const logits = replica.session.scope((scope) => {
      const statistics = [...inference.statistics].map(
        ([name, value]) =>
          /** @type {import("../dist/shared/engine/engine.js").Feed} */ ([
            value,
            scope.tensor(value.shape, replica.population.tensor(name) ?? new Float32Array()),
          ]),
      );
      /** @type {import("../dist/shared/engine/engine.js").Feed} */
      const fed = [inference.inputs, scope.tensor([batch.length / 784, ...shape], batch)];
      const feeds = [...replica.weightFeeds(), ...statistics, fed];
      const [tensor] = scope.run(feeds, [inference.predictions]);
      if (!tensor) throw new Error("no logits");
      return [...scope.floats(tensor)];
    });
    parts.push(...logits);
  }
  replica.dispose();
  return parts;
}

/** @param {string} path */
async function runOnnx(path) {
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(readFileSync(path));
  const parts = [];
  for (let from = 0; from < count; from += BATCH) {
    const batch = inputs.subarray(from * 784, (from + BATCH) * 784);
    const tensor = new Tensor("float32", batch, [batch.length / 784, 28, 28, 1]);
    const { logits } = await session.run({ inputs: tensor });
    parts.push(.../** @type {Float32Array} */ (logits?.data ?? []));
  }
  return parts;
}

/**
 * @param {{ "saved-model": string, keras: string, onnx: string }} paths
 * @param {string} command
 */
function runPython({ "saved-model": savedModel, keras, onnx }, command) {
  const file = join(folder, "inputs.bin");
  writeFileSync(file, inputs);
  const requests = Object.entries({ "saved-model": savedModel, keras, onnx }).map(
    ([format, path]) => ({ format, path, inputs: file, shape: [count, 28, 28, 1] }),
  );
  const script = fileURLToPath(new URL("../test/export/read_back.py", import.meta.url));
  const { status, stdout, stderr } = spawnSync(command, [script], {
    ...{ input: JSON.stringify(requests), encoding: "utf8", maxBuffer: 2 ** 30 },
  });
  if (status !== 0) throw new Error(stderr);
  const [fromSavedModel, fromKeras, fromOnnx] = JSON.parse(stdout);
  report("TensorFlow in Python, SavedModel", fromSavedModel.logits);
  report("Keras in Python", fromKeras.before_last);
  report("onnxruntime in Python", fromOnnx.logits);
}

async function runTfjs() {
  const require = createRequire(import.meta.url);
  const scripts = ["core", "layers", "backend-cpu"].map((name) =>
    require.resolve(`@tensorflow/tfjs-${name}/dist/tf-${name}.min.js`),
  );
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").slice(1);
    if (path === "") response.setHeader("content-type", "text/html").end("<!doctype html>");
    else if (!readdirSync(join(folder, "tfjs")).includes(path)) response.writeHead(404).end();
    else response.end(readFileSync(join(folder, "tfjs", path)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    for (const path of scripts) await page.addScriptTag({ path });
    const parts = [];
    for (let from = 0; from < count; from += BATCH) {
      const values = [...inputs.subarray(from * 784, (from + BATCH) * 784)];
      parts.push(...(await page.evaluate(logitsInPage, values)));
    }
    return parts;
  } finally {
    await browser.close();
    server.close();
  }
}

/**
 * Runs in the browser.
 * @param {number[]} values of some images
 * @returns {Promise<number[]>}
 */
async function logitsInPage(values) {
  const { tf } = /** @type {any} */ (globalThis);
  await tf.setBackend("cpu");
  const model = await tf.loadLayersModel("/model.json");
  const logits = tf.model({ inputs: model.inputs, outputs: model.layers.at(-1).input });
  const y = logits.predict(tf.tensor(values, [values.length / 784, 28, 28, 1]));
  const found = [...(await y.data())];
  tf.disposeVariables();
  return found;
}

/**
 * @param {string} name
 * @param {readonly number[]} logits of all samples
 */
function report(name, logits) {
  const samples = logits.length / classCount;
  let [different, correct, largest] = [0, 0, 0];
  for (let sample = 0; sample < samples; sample++) {
    const [own, found] = [reference, logits].map((values) => {
      const row = values.slice(sample * classCount, (sample + 1) * classCount);
      return row.indexOf(Math.max(...row));
    });
    if (own !== found) different++;
    if (found === targets[sample]) correct++;
  }
  logits.forEach((logit, index) => {
    largest = Math.max(largest, Math.abs(logit - (reference[index] ?? NaN)));
  });
  console.log(
    `${name}: ${samples} samples, accuracy ${correct / samples}, ${different} other classes, logits within ${largest.toExponential(1)}`,
  );
}
