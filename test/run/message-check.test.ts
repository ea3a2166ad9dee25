// The size limit of a configuration, of which a table's names are the largest part.
import { expect, test } from "vitest";
import { checkMessages } from "../../src/run/message-check.js";
import type { RunConfig } from "../../src/shared/config.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import { configOf } from "../support/config.js";

/** The largest number of names, of the largest length, that a table may have. */
function tableConfig(character: string): RunConfig {
  const nameOf = (index: number) => `${index}`.padEnd(100, character);
  const names = Array.from({ length: 1000 }, (_, index) => nameOf(index));
  const [first, ...others] = names;
  const columns = [
    { name: first!, kind: "category" as const, categories: names },
    ...others.map((name) => ({ name, kind: "number" as const, mean: 1 / 3, scale: 1 / 7 })),
  ];
  return configOf({
    network: presetNetwork("sigmoid", [1999], 2),
    data: {
      ...{ inputType: "float32", digest: "0".repeat(64), table: { columns, label: "kind" } },
      target: { kind: "classes", count: 2 },
    },
  });
}

test("1,000 columns and as many categories with names of 100 characters are accepted", () => {
  expect(() => checkMessages(layoutOfRun(tableConfig("é")))).not.toThrow();
  expect(() => checkMessages(layoutOfRun(tableConfig("中")))).not.toThrow();
});

test("names that are too long in total are refused in one line that says what is too long", () => {
  const check = () => checkMessages(layoutOfRun(tableConfig("\u0001")));
  expect(check).toThrow(
    /^The data's names of classes, columns and categories take 12\d{5} bytes .*workers accept 1048576\. [^\n]*`tandem single`\.$/,
  );
  expect(check).toThrow(expect.objectContaining({ code: "too-large", exitCode: 2 }));
});
