// `tandem export` in real processes: what it prints, what it replaces and what it does not, and the model card, whose command
// trains the same bytes again.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { runOnnx } from "../support/exported-models.js";
import { type KerasLayer, sequential } from "../support/keras.js";
import { tandem } from "../support/tandem.js";

const data = writeDataset();
const cwd = temporaryFolder();
const CHECKPOINT = "trained.safetensors";

const run = (...args: string[]) => tandem(args, { cwd });
const at = (...path: string[]) => join(cwd, ...path);

beforeAll(async () => {
  const options = ["--steps", "12", "--batch-size", "8", "--shards", "2", "--eval-every", "4"];
  const files = ["--data", data, "--output", CHECKPOINT, "--summary-dir", "summary"];
  const numbers = ["--optimizer", "momentum", "--schedule", "cosine", "--warmup", "0.25"];
  const more = ["--validation-size", "10", "--learning-rate", "0.01", "--engine", "wasm"];
  const { code, stderr } = await run("single", ...options, ...files, ...numbers, ...more);
  expect(stderr).not.toMatch(/should not happen/);
  expect(code).toBe(0);
});

async function refuse(args: readonly string[], sentence: RegExp): Promise<void> {
  const { code, stdout, stderr } = await run("export", ...args);
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect([code, stdout]).toEqual([2, ""]);
}

test("says what it has written, for programs and for people", async () => {
  const args = ["export", CHECKPOINT, "--format", "saved-model", "--output", "saved"];
  const first = await run(...args, "--json");
  expect(first.stderr).toBe("");
  expect(first.events).toEqual([{ event: "exported", format: "saved-model", path: "saved" }]);
  const second = await run(...args);
  expect([second.code, second.stdout, second.stderr]).toEqual([0, "saved written\n", ""]);
});

test("refuses to replace the checkpoint, a file that is not a model card, and a card's options without --card", async () => {
  const onnx = ["--format", "onnx", "--output"];
  await refuse([CHECKPOINT, ...onnx, CHECKPOINT], /--output trained\.safetensors.*checkpoint/);
  await refuse([CHECKPOINT, ...onnx, "x.onnx", "--data", data], /--card/);
  writeFileSync(at("README.md"), "# Mine");
  await refuse([CHECKPOINT, ...onnx, "x.onnx", "--card", "README.md"], /not a model card/);
  await refuse([CHECKPOINT, ...onnx, "x.onnx", "--card", "x.onnx"], /--card x\.onnx.*Give another/);
  expect(existsSync(at("x.onnx"))).toBe(false);
});

test("the exported model classifies as well as the checkpoint's evaluation says", async () => {
  await run("export", CHECKPOINT, "--format", "onnx", "--output", "test.onnx");
  const evaluated = await run("evaluate", CHECKPOINT, "--data", data, "--json");
  const images = readFileSync(join(data, "t10k-images-idx3-ubyte")).subarray(16);
  const labels = readFileSync(join(data, "t10k-labels-idx1-ubyte")).subarray(8);
  const { outputs } = await runOnnx(at("test.onnx"), Float32Array.from(images), [40, 8, 10, 1]);
  const size = outputs["probabilities"]!.length / labels.length;
  const correct = [...labels].filter((label, index) => {
    const row = outputs["probabilities"]!.slice(index * size, (index + 1) * size);
    return row.indexOf(Math.max(...row)) === label;
  });
  expect(correct.length / labels.length).toBe(evaluated.events[0]?.["testAccuracy"]);
});

/** By the command in a card, as it is printed. */
async function trainAgain(card: string, checkpoint: string): Promise<void> {
  const [, line] = /```sh\ntandem (.*)\n```/.exec(card) ?? [];
  const again = await run(
    ...line!.split(" "),
    "--output",
    "again.safetensors",
    "--summary-dir",
    "again",
  );
  expect(again.code, again.stderr).toBe(0);
  expect(readFileSync(at("again.safetensors")).equals(readFileSync(at(checkpoint)))).toBe(true);
}

describe("the model card of a network that is not a preset", () => {
  const layers: KerasLayer[] = [
    ["Flatten", "flat"],
    ["Dense", "hidden", { units: 6, kernel_initializer: "HeNormal", use_bias: false }],
    ["BatchNormalization", "norm", {}],
    ["LeakyReLU", "leaky", { negative_slope: 0.1 }],
    ["Dropout", "drop", { rate: 0.25 }],
    ["Dense", "out", { units: 4, bias_initializer: { class_name: "Ones", config: {} } }],
  ];
  const args = ["export", "own.safetensors", "--format", "onnx", "--output", "own.onnx"];
  const carded = [...args, "--data", data, "--card", "own.md"];
  beforeAll(async () => {
    writeFileSync(at("network.json"), sequential([8, 10, 1], layers));
    const settings = ["--steps", "5", "--batch-size", "8", "--engine", "wasm", "--data", data];
    const files = ["--network", "network.json", "--output", "own.safetensors"];
    const { code, stderr } = await run("single", ...settings, ...files, "--summary-dir", "other");
    expect(code, stderr).toBe(0);
  });

  test("comes with the network's file, with which its command trains the same bytes again", async () => {
    for (const times of [1, 2]) {
      const { code, stderr } = await run(...carded);
      expect(code, `${times}: ${stderr}`).toBe(0);
    }
    const card = readFileSync(at("own.md"), "utf8");
    expect(card).toContain(" --network own.network.json ");
    await trainAgain(card, "own.safetensors");
  });

  test("leaves a file alone that is not its network's", async () => {
    writeFileSync(at("other.network.json"), "{}");
    await refuse(
      [...carded.slice(1, -1), "other.md"],
      /--card other\.md: .*other\.network\.json, which exists and is not such a file/,
    );
    expect(readFileSync(at("other.network.json"), "utf8")).toBe("{}");
    expect(existsSync(at("other.md"))).toBe(false);
  });
});

describe("the model card", () => {
  let card: string;
  beforeAll(async () => {
    const given = ["--data", data, "--summary-dir", "summary", "--card", "card.md"];
    const output = ["--format", "onnx", "--output", "carded.onnx"];
    const { code, stderr } = await run("export", CHECKPOINT, ...output, ...given);
    expect(stderr).toBe("card.md written\n");
    expect(code).toBe(0);
    card = readFileSync(at("card.md"), "utf8");
  });

  test("has what evaluation says, with a matrix of all test samples", async () => {
    const { events } = await run("evaluate", CHECKPOINT, "--data", data, "--json");
    const accuracy = Number(events[0]?.["testAccuracy"]);
    expect(card).toContain(`| Test accuracy | ${accuracy} |`);
    const rows = [...card.matchAll(/^\| \d \|((?: \d+ \|){4})$/gm)].map(([, cells]) =>
      [...cells!.matchAll(/\d+/g)].map(Number),
    );
    expect(rows).toHaveLength(4);
    expect(rows.flat().reduce((sum, count) => sum + count, 0)).toBe(40);
    const diagonal = rows.reduce((sum, row, index) => sum + row[index]!, 0);
    expect(diagonal / 40).toBe(accuracy);
  });

  test("has the run's curve", () => {
    const [, curve] = /## Curve\n\n(.*?)\n\n/s.exec(card) ?? [];
    const steps = [...(curve ?? "").matchAll(/^\| (\d+) \|/gm)].map(([, step]) => Number(step));
    expect(steps).toEqual([0, 4, 8, 12]);
  });

  test("has the command that trains the same bytes again", async () => {
    expect(card).toContain(` --data ${data} `);
    await trainAgain(card, CHECKPOINT);
  });

  test("is replaced by a later card, and says what data the command has to be given", async () => {
    const output = ["--format", "onnx", "--output", "carded.onnx"];
    const { code } = await run("export", CHECKPOINT, ...output, "--card", "card.md");
    expect(code).toBe(0);
    const later = readFileSync(at("card.md"), "utf8");
    expect(later).toContain("Not evaluated");
    expect(later).toMatch(/ --data DATA .*\n- DATA: the data whose digest is [0-9a-f]{64}\./s);
  });
});
