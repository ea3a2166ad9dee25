// Exported models run by what they are made for: onnxruntime in Node, TensorFlow.js in a browser, and Python's libraries.
import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor, env } from "onnxruntime-web";
import type { Browser } from "playwright-core";

/** By the names of the model's outputs. */
export type Outputs = Record<string, number[]>;

/** @param shape of the inputs, samples first */
export async function runOnnx(
  file: string,
  inputs: Float32Array,
  shape: readonly number[],
): Promise<{ outputs: Outputs; shapes: Record<string, readonly number[]> }> {
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(readFileSync(file));
  const results = await session.run({ inputs: new Tensor("float32", inputs, shape) });
  await session.release();
  const entries = Object.entries(results);
  return {
    outputs: Object.fromEntries(
      entries.map(([name, { data }]) => [name, [...(data as Float32Array)]]),
    ),
    shapes: Object.fromEntries(entries.map(([name, { dims }]) => [name, dims])),
  };
}

const PACKAGES = ["core", "layers", "backend-cpu"] as const;

/** Serves folders with exported models, and runs them in the browser's TensorFlow.js. */
export class TfjsPage {
  private readonly browser: Browser;
  private readonly server: Server;

  constructor(browser: Browser, folder: string) {
    this.browser = browser;
    const require = createRequire(import.meta.url);
    this.server = createServer((request, response) => {
      const path = new URL(request.url ?? "/", "http://page").pathname.slice(1);
      try {
        if (path === "") response.setHeader("content-type", "text/html").end("<!doctype html>");
        else if (PACKAGES.some((name) => `${name}.js` === path)) {
          const name = path.slice(0, -3);
          const main = require.resolve(`@tensorflow/tfjs-${name}/dist/tf-${name}.min.js`);
          response.setHeader("content-type", "text/javascript").end(readFileSync(main));
        } else response.end(readFileSync(join(folder, path)));
      } catch {
        response.writeHead(404).end();
      }
    });
  }

  /**
   * @param path of the model's folder inside the served one
   * @returns the model's output, and that of the layer before the last one
   */
  async run(
    path: string,
    inputs: Float32Array,
    shape: readonly number[],
  ): Promise<{ output: number[]; beforeLast: number[]; metadata: unknown }> {
    if (!this.server.listening) {
      await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    }
    const { port } = this.server.address() as AddressInfo;
    const page = await this.browser.newPage();
    try {
      await page.goto(`http://127.0.0.1:${port}/`);
      for (const name of PACKAGES) await page.addScriptTag({ url: `/${name}.js` });
      return await page.evaluate(runInPage, { path, inputs: [...inputs], shape: [...shape] });
    } finally {
      await page.close();
    }
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Of TensorFlow.js, as far as it is used below; it has no types that this project could check. */
interface TfTensor {
  data(): Promise<Float32Array>;
}
interface TfModel {
  layers: { input: unknown }[];
  inputs: unknown[];
  predict(x: TfTensor): TfTensor;
  getUserDefinedMetadata(): unknown;
}
interface Tf {
  setBackend(name: string): Promise<boolean>;
  tensor(values: number[], shape: number[]): TfTensor;
  loadLayersModel(url: string): Promise<TfModel>;
  model(options: { inputs: unknown; outputs: unknown }): TfModel;
}

/** In the browser. */
async function runInPage(request: { path: string; inputs: number[]; shape: number[] }) {
  const { tf } = globalThis as unknown as { tf: Tf };
  await tf.setBackend("cpu");
  const model = await tf.loadLayersModel(`/${request.path}/model.json`);
  const x = tf.tensor(request.inputs, request.shape);
  const outputs = model.layers.at(-1)!.input;
  const beforeLast = tf.model({ inputs: model.inputs, outputs });
  return {
    output: [...(await model.predict(x).data())],
    beforeLast: [...(await beforeLast.predict(x).data())],
    metadata: model.getUserDefinedMetadata() ?? null,
  };
}

const SCRIPT = fileURLToPath(new URL("../export/read_back.py", import.meta.url));
/** A Python with tensorflow, keras and onnxruntime. */
const python = process.env["TANDEM_PYTHON"] ?? "python3";

/** Why Python cannot read exports here; undefined where it can. */
export function findPythonProblem(): string | undefined {
  const packages = ["tensorflow", "keras", "onnxruntime"];
  const check = `import importlib.util as u; print(*[p for p in ${JSON.stringify(packages)} if not u.find_spec(p)])`;
  const { status, stdout } = spawnSync(python, ["-c", check], { encoding: "utf8" });
  if (status !== 0) return `there is no ${python}; TANDEM_PYTHON names one`;
  const missing = stdout.trim();
  if (missing === "") return undefined;
  return `${python} lacks ${missing}; TANDEM_PYTHON names one with ${packages.join(", ")}`;
}

export interface PythonRequest {
  format: "saved-model" | "keras" | "onnx";
  path: string;
  /** A file of little-endian float32. */
  inputs: string;
  shape: readonly number[];
}

/** All in one process: TensorFlow takes seconds to load. */
export function runInPython(requests: readonly PythonRequest[]): Outputs[] {
  const { status, stdout, stderr } = spawnSync(python, [SCRIPT], {
    input: JSON.stringify(requests),
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Outputs[];
}
