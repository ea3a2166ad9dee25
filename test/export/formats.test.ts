// Exports of small networks, each read back and run with the software that the format is for. The reference is Tandem's own engine.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import type { ExportFormat } from "../../src/export/export-format.js";
import { encodeExport } from "../../src/export/export-model.js";
import { writeExport } from "../../src/export/export-target.js";
import { temporaryFolder } from "../support/data.js";
import {
  EXPORT_CASES,
  type ExportCase,
  exportInputs,
  ownOutputs,
  RANDOM_CASES,
} from "../support/export-cases.js";
import {
  findPythonProblem,
  type Outputs,
  type PythonRequest,
  runInPython,
  runOnnx,
  TfjsPage,
} from "../support/exported-models.js";

const COUNT = 5;
const ALL_CASES = [...EXPORT_CASES, ...RANDOM_CASES];
/** Loading a page takes a second. */
const RANDOM_IN_BROWSER = 3;
const folder = temporaryFolder();
const formats: readonly ExportFormat[] = ["saved-model", "tfjs", "keras", "onnx"];

/** By network: the inputs and the expected outputs. */
const references = new Map<string, { inputs: Float32Array; outputs: Float32Array }>();

const nameOf = (format: ExportFormat, { name }: ExportCase) =>
  `${format}-${name}${format === "keras" ? ".keras" : ""}`;
const pathOf = (format: ExportFormat, of: ExportCase) => join(folder, nameOf(format, of));
const shapeOf = ({ checkpoint }: ExportCase) => [COUNT, ...checkpoint.config.network.inputShape];
const referenceOf = ({ name }: ExportCase) => references.get(name)!;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  for (const each of ALL_CASES) {
    const inputs = exportInputs(each, COUNT);
    references.set(each.name, { inputs, outputs: ownOutputs(each, inputs) });
    writeFileSync(join(folder, `${each.name}.bin`), inputs);
    for (const format of formats) {
      await writeExport(pathOf(format, each), format, encodeExport(each.checkpoint, format));
    }
  }
});

function expectClose(found: readonly number[] | undefined, expected: Iterable<number>): void {
  const wanted = [...expected];
  expect(found).toHaveLength(wanted.length);
  const errors = found!.map((value, index) => Math.abs(value - wanted[index]!));
  expect(Math.max(...errors)).toBeLessThan(1e-5);
}

/** softmax or sigmoid of the logits, in float64 */
function probabilitiesOf({ checkpoint }: ExportCase, logits: readonly number[]): number[] {
  if (checkpoint.config.loss.kind === "binary-cross-entropy") {
    return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  }
  const size = logits.length / COUNT;
  return logits.map((logit, index) => {
    const row = logits.slice(index - (index % size), index - (index % size) + size);
    return 1 / row.reduce((sum, other) => sum + Math.exp(other - logit), 0);
  });
}

/** Outputs by name, as in SavedModel and ONNX. */
function expectOutputs(each: ExportCase, outputs: Outputs): void {
  const { outputs: expected } = referenceOf(each);
  if (each.checkpoint.config.data.target.kind === "values") {
    expect(Object.keys(outputs)).toEqual(["predictions"]);
    expectClose(outputs["predictions"], expected);
    return;
  }
  expect(Object.keys(outputs).toSorted()).toEqual(["logits", "probabilities"]);
  expectClose(outputs["probabilities"], expected);
  expectClose(probabilitiesOf(each, outputs["logits"]!), expected);
}

/** Outputs of Keras and TensorFlow.js have no names. In a classifier, the logits are the inputs of the last layer. */
function expectLayers(each: ExportCase, output: number[], beforeLast: number[]): void {
  const { outputs: expected } = referenceOf(each);
  expectClose(output, expected);
  if (each.checkpoint.config.data.target.kind === "values") return;
  expectClose(probabilitiesOf(each, beforeLast), expected);
}

test("the references differ from sample to sample", () => {
  for (const { outputs } of EXPORT_CASES.map(referenceOf)) {
    const size = outputs.length / COUNT;
    const rows = Array.from({ length: COUNT }, (_, row) =>
      outputs.slice(row * size, (row + 1) * size).join(),
    );
    expect(new Set(rows).size).toBe(COUNT);
  }
});

test("the same checkpoint gives the same bytes", () => {
  for (const format of formats) {
    const [{ checkpoint }] = EXPORT_CASES as [ExportCase];
    const bytesOf = () =>
      Buffer.concat(encodeExport(checkpoint, format).flatMap(({ pieces }) => pieces));
    expect(bytesOf().equals(bytesOf())).toBe(true);
  }
});

describe("onnxruntime in Node", () => {
  test.each(ALL_CASES)("$name", async (each) => {
    const { inputs } = referenceOf(each);
    const { outputs, shapes } = await runOnnx(pathOf("onnx", each), inputs, shapeOf(each));
    expectOutputs(each, outputs);
    for (const shape of Object.values(shapes)) expect(shape).toHaveLength(2);
  });
});

describe.skipIf(browserPath === undefined)("TensorFlow.js in a browser", () => {
  let browser: Browser;
  let page: TfjsPage;
  beforeAll(async () => {
    browser = await openBrowser();
    page = new TfjsPage(browser, folder);
  });
  afterAll(async () => {
    page.close();
    await browser.close();
  });

  test.each(ALL_CASES.slice(0, EXPORT_CASES.length + RANDOM_IN_BROWSER))("$name", async (each) => {
    const { inputs } = referenceOf(each);
    const found = await page.run(nameOf("tfjs", each), inputs, shapeOf(each));
    expectLayers(each, found.output, found.beforeLast);
    const { classNames } = each.checkpoint.config.data;
    expect(found.metadata).toEqual(classNames === undefined ? null : { classNames });
  });
});

describe("Python", () => {
  const problem = findPythonProblem();
  const own = ["saved-model", "keras", "onnx"] as const;
  const requests = ALL_CASES.flatMap((each) =>
    own.map((format): PythonRequest => {
      const inputs = join(folder, `${each.name}.bin`);
      return { format, path: pathOf(format, each), inputs, shape: shapeOf(each) };
    }),
  );

  test("reads SavedModels, Keras's files and ONNX", { timeout: 300_000 }, (context) => {
    context.skip(problem !== undefined, problem);
    const results = runInPython(requests);
    ALL_CASES.forEach((each, index) => {
      const [savedModel, keras, onnx] = results.slice(3 * index, 3 * index + 3);
      expectOutputs(each, savedModel!);
      expectLayers(each, keras!["output"]!, keras!["before_last"]!);
      expectOutputs(each, onnx!);
    });
  });
});

test("class names are in every format", () => {
  const each = EXPORT_CASES.find(({ name }) => name === "every-layer")!;
  const lines = readFileSync(join(pathOf("saved-model", each), "assets.extra/class_names.txt"));
  expect(lines.toString()).toBe("é\na b\nc\n");
  const text = JSON.stringify(["é", "a\nb", "c"]);
  expect(readFileSync(pathOf("keras", each)).includes(`"class_names":${text}`)).toBe(true);
  expect(readFileSync(pathOf("onnx", each)).includes(text)).toBe(true);
});
