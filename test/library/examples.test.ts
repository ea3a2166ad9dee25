// The examples, as a reader would run them, for a few steps.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/data.js";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const run = promisify(execFile);

test.each([
  ["mnist", /^0 0\.\d+\ntest accuracy 0\.\d+\n$/],
  ["residual", /^step 0: 0\.\d+\ntest accuracy 0\.\d+\n$/],
  [
    "source",
    /^a program's images 12×12×1, 2 classes \(wide, tall\): 2,000 training, 0 validation, 200 test samples\nstep 0: [\d.]+\ntest accuracy [\d.]+\n$/,
  ],
  ["table", /^step 0, training loss \d\.\d+, test loss \d\.\d+\ntest loss \d\.\d+\n$/],
])("%s", async (name, lines) => {
  const cwd = temporaryFolder();
  const example = join(EXAMPLES, `${name}.mjs`);
  const { stdout, stderr } = await run(process.execPath, [example, "--steps", "4"], { cwd });
  expect(stdout).toMatch(lines);
  expect(stderr).toBe("");
  expect(existsSync(join(cwd, `${name}.safetensors`))).toBe(true);
});
