// Where exports are written: what they replace and what they do not, and that they are complete.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { ExportFormat } from "../../src/export/export-format.js";
import { exportCheckpoint } from "../../src/export/export-model.js";
import { exportModel } from "../../src/index.js";
import { encodeCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { checkpointOf } from "../support/checkpoints.js";
import { temporaryFolder } from "../support/data.js";

let folder: string;
let checkpoint: string;
const at = (...path: string[]) => join(folder, ...path);

beforeEach(() => {
  folder = temporaryFolder();
  checkpoint = at("checkpoint.safetensors");
  writeFileSync(checkpoint, Buffer.concat(encodeCheckpoint(checkpointOf(3))));
});

const export_ = (format: ExportFormat, output: string) =>
  exportCheckpoint(checkpoint, format, output);

test.each([
  ["saved-model", "saved", ["saved_model.pb"]],
  ["tfjs", "web", ["group1-shard1of1.bin", "model.json"]],
  ["keras", "model.keras", undefined],
  ["onnx", "model.onnx", undefined],
] as const)("%s replaces its own and leaves nothing beside it", async (format, name, names) => {
  const contentOf = () =>
    (names ?? [""]).map((each) => readFileSync(at(name, each)).toString("base64"));
  await export_(format, at(name));
  const content = contentOf();
  writeFileSync(checkpoint, Buffer.concat(encodeCheckpoint(checkpointOf(5))));
  await export_(format, at(name));
  expect(contentOf()).not.toEqual(content);
  if (names) expect(readdirSync(at(name)).toSorted()).toEqual(names);
  expect(readdirSync(folder).toSorted()).toEqual(["checkpoint.safetensors", name]);
});

test("an empty folder is filled, also behind a link in its path", async () => {
  mkdirSync(at("real/web"), { recursive: true });
  symlinkSync(at("real"), at("linked"));
  await export_("tfjs", `${at("linked/web")}/`);
  expect(existsSync(at("real/web/model.json"))).toBe(true);
});

describe("refused, and left as it was:", () => {
  const cases: [string, ExportFormat, string, string, RegExp][] = [
    ["another file", "onnx", "notes.onnx", "important", /not an earlier export as onnx/],
    [
      "another archive",
      "keras",
      "a.keras",
      "PK\x03\x04 of others",
      /not an earlier export as keras/,
    ],
    ["a file in place of a folder", "tfjs", "web", "important", /it is not a folder/],
    ["a folder with other files", "tfjs", "mine/thesis.txt", "important", /not an earlier export/],
    ["the same", "saved-model", "mine/thesis.txt", "important", /not an earlier export/],
    ["a model.json of others", "tfjs", "mine/model.json", "{}", /not an earlier export/],
    [
      "a SavedModel of others",
      "saved-model",
      "mine/saved_model.pb",
      "\x08\x01\x12\x04\x0a\x02\x2a\x00",
      /not an earlier export/,
    ],
  ];
  test.each(cases)("%s", async (_name, format, path, content, sentence) => {
    const [output] = path.split("/") as [string];
    if (path !== output) mkdirSync(at(output));
    writeFileSync(at(path), content);
    await expect(export_(format, at(output))).rejects.toThrow(sentence);
    expect(readFileSync(at(path), "utf8")).toBe(content);
  });

  test("the checkpoint", async () => {
    const before = readFileSync(checkpoint);
    await expect(export_("onnx", checkpoint)).rejects.toThrow(/it is the checkpoint/);
    expect(readFileSync(checkpoint).equals(before)).toBe(true);
  });

  test.each([
    ["onnx", "nowhere/model.onnx", /nowhere does not exist/],
    ["tfjs", "nowhere/web", /nowhere does not exist/],
    ["tfjs", "", /empty/],
    ["keras", "model.h5", /end in \.keras/],
  ] as const)("%s as %j", async (format, output, sentence) => {
    const path = output === "" ? "" : at(output);
    await expect(export_(format, path)).rejects.toMatchObject({
      code: "output-unwritable",
      message: expect.stringMatching(sentence) as string,
    });
  });
});

test("in a program, sentences have the program's names", async () => {
  const exported = exportModel(checkpoint, { format: "keras", output: at("model.h5") });
  await expect(exported).rejects.toThrow(/^output .*model\.h5/);
});
