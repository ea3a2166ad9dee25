// `tandem export` in real processes: what it prints, what it replaces and what it does not, and the model card, whose command
// trains the same bytes again.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { runOnnx } from "../support/exported-models.js";
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

test.each([
  ["saved-model", "saved", ["saved_model.pb"]],
  ["tfjs", "web", ["group1-shard1of1.bin", "model.json"]],
  ["keras", "model.keras", undefined],
  ["onnx", "model.onnx", undefined],
] as const)(
  "writes %s, replaces its own, and leaves nothing beside it",
  async (format, output, names) => {
    const export_ = () =>
      run("export", CHECKPOINT, "--format", format, "--output", output, "--json");
    const contentOf = () =>
      (names ?? [""]).map((name) => readFileSync(at(output, name)).toString("base64"));
    const first = await export_();
    expect(first.stderr).toBe("");
    expect(first.events).toEqual([{ event: "exported", format, path: output }]);
    const content = contentOf();
    const second = await export_();
    expect([second.code, second.stderr]).toEqual([0, ""]);
    expect(contentOf()).toEqual(content);
    if (names) expect(readdirSync(at(output)).toSorted()).toEqual(names);
    expect(readdirSync(cwd).filter((name) => /\.(tmp|old)$/.test(name))).toEqual([]);
  },
);

test("writes through a link to a folder, and says for people where", async () => {
  mkdirSync(at("real"));
  symlinkSync(at("real"), at("linked"));
  const { stdout, code } = await run(
    "export",
    CHECKPOINT,
    "--format",
    "tfjs",
    "--output",
    "linked/web/",
  );
  expect([stdout, code]).toEqual(["linked/web/ written\n", 0]);
  expect(existsSync(at("real/web/model.json"))).toBe(true);
});

describe("refuses", () => {
  const onnx = ["--format", "onnx", "--output"];
  test("to replace the checkpoint", () =>
    refuse([CHECKPOINT, ...onnx, CHECKPOINT], /--output trained\.safetensors.*checkpoint/));

  test("to replace another file", async () => {
    writeFileSync(at("notes.onnx"), "important");
    await refuse([CHECKPOINT, ...onnx, "notes.onnx"], /notes\.onnx.*no earlier export/);
    expect(readFileSync(at("notes.onnx"), "utf8")).toBe("important");
  });

  test("to replace another archive", async () => {
    writeFileSync(at("other.keras"), "PK\x03\x04 of someone else");
    await refuse(
      [CHECKPOINT, "--format", "keras", "--output", "other.keras"],
      /other\.keras.*no earlier export/,
    );
  });

  test.each(["saved-model", "tfjs"])(
    "to replace a folder with other files with %s",
    async (format) => {
      const folder = `mine-${format}`;
      mkdirSync(at(folder));
      writeFileSync(at(folder, "thesis.txt"), "important");
      await refuse([CHECKPOINT, "--format", format, "--output", folder], /no earlier export/);
      expect(readdirSync(at(folder))).toEqual(["thesis.txt"]);
    },
  );

  test("to replace a SavedModel that Tandem has not written", async () => {
    mkdirSync(at("theirs"));
    writeFileSync(at("theirs/saved_model.pb"), Buffer.from([8, 1, 18, 4, 10, 2, 42, 0]));
    await refuse(
      [CHECKPOINT, "--format", "saved-model", "--output", "theirs"],
      /no earlier export/,
    );
  });

  test("a folder that does not exist", () =>
    refuse([CHECKPOINT, ...onnx, "nowhere/model.onnx"], /nowhere does not exist/));
  test("a file in place of a folder", () =>
    refuse([CHECKPOINT, "--format", "tfjs", "--output", CHECKPOINT], /--output.*checkpoint/));
  test("a name that Keras does not read", () =>
    refuse([CHECKPOINT, "--format", "keras", "--output", "model.h5"], /end in \.keras/));
  test("what is no checkpoint", () =>
    refuse([join(data, "nothing"), ...onnx, "x.onnx"], /nothing/));
  test("options of the card without the card", () =>
    refuse([CHECKPOINT, ...onnx, "x.onnx", "--data", data], /--card/));
  test("a card over another file", async () => {
    writeFileSync(at("README.md"), "# Mine");
    await refuse([CHECKPOINT, ...onnx, "x.onnx", "--card", "README.md"], /no model card/);
    expect(existsSync(at("x.onnx"))).toBe(false);
  });
  test("a card in the place of the export", () =>
    refuse([CHECKPOINT, ...onnx, "x.onnx", "--card", "x.onnx"], /--card x\.onnx.*Give another/));
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
    const [, line] = /```sh\ntandem (.*)\n```/.exec(card) ?? [];
    expect(card).toMatch(/- DATA: the data whose digest is [0-9a-f]{64}\./);
    const words = line!.split(" ").map((word) => (word === "DATA" ? data : word));
    const again = await run(...words, "--output", "again.safetensors");
    expect(again.code, again.stderr).toBe(0);
    expect(readFileSync(at("again.safetensors"))).toEqual(readFileSync(at(CHECKPOINT)));
  });

  test("is replaced by a later card", async () => {
    const output = ["--format", "onnx", "--output", "carded.onnx"];
    const { code } = await run("export", CHECKPOINT, ...output, "--card", "card.md");
    expect(code).toBe(0);
    expect(readFileSync(at("card.md"), "utf8")).toContain("Not evaluated");
  });
});
