// Class names, from the data into the configuration, which checkpoints contain.
import { expect, test } from "vitest";
import { resolveConfig } from "../../src/run/run-choices.js";
import { configText, runConfigSchema } from "../../src/shared/config.js";
import { arraySource } from "../../src/shared/data/array-source.js";

const set = { inputs: new Float32Array(8), targets: Uint8Array.of(0, 1, 2, 1) };

function configWith(classNames?: string[]) {
  const names = classNames ? { classNames } : {};
  const data = arraySource({ inputShape: [2], ...set, test: set, ...names });
  return resolveConfig(
    { network: "sigmoid", engine: "wasm" },
    { data, steps: 1, defaultShards: 1 },
  );
}

test("names are stored and read again", () => {
  const config = configWith(["cat", "a\nb", "é"]);
  expect(config.data.classNames).toEqual(["cat", "a\nb", "é"]);
  expect(runConfigSchema.parse(JSON.parse(configText(config)))).toEqual(config);
});

test.each([
  ["no names", undefined],
  ["the classes' numbers", ["0", "1", "2"]],
  ["an empty name", ["cat", "", "dog"]],
  ["a name that is too long", ["cat", "d".repeat(101), "dog"]],
])("with %s the configuration is as without names", (_name, classNames) => {
  expect(configText(configWith(classNames))).toBe(configText(configWith()));
  expect(configText(configWith())).not.toContain("classNames");
});

test("names change nothing else", () => {
  const { data, ...rest } = configWith(["cat", "dog", "bird"]);
  const { data: plain, ...plainRest } = configWith();
  expect(rest).toEqual(plainRest);
  expect(data).toEqual({ ...plain, classNames: ["cat", "dog", "bird"] });
});

test("a configuration must have as many names as classes", () => {
  const config = configWith(["cat", "dog", "bird"]);
  const parse = (data: object) =>
    runConfigSchema.safeParse({ ...config, data: { ...config.data, ...data } });
  expect(parse({ classNames: ["cat", "dog"] }).success).toBe(false);
  expect(parse({ target: { kind: "values", count: 3 } }).success).toBe(false);
});
