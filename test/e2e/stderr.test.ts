// What libtensorflow is kept from saying must not cost what Tandem says.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "../support/data.js";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

test("notices after TensorFlow has loaded are not lost where standard error is a shared file", () => {
  const cwd = temporaryFolder();
  const run = `${process.execPath} ${CLI} single --data ${writeDataset()} --validation-size 0 --steps 1`;
  const script = `(echo before >&2; ${run} > out; echo after >&2) 2> err`;
  writeFileSync(join(cwd, "script.sh"), script);
  execFileSync("bash", ["script.sh"], { cwd });
  const lines = readFileSync(join(cwd, "err"), "utf8");
  expect(lines).toMatch(/^before\n/);
  expect(lines).toContain("parameters, 1 steps");
  expect(lines).toContain("checkpoint of step 1 written");
  expect(lines).toMatch(/after\n$/);
});

test("libtensorflow's greeting does not reach a pipe", () => {
  const cwd = temporaryFolder();
  const run = `${process.execPath} ${CLI} single --data ${writeDataset()} --validation-size 0 --steps 0`;
  execFileSync("bash", ["-c", `${run} 2>&1 | cat > all`], { cwd });
  const text = readFileSync(join(cwd, "all"), "utf8");
  expect(text).toContain("checkpoint of step 0 written");
  expect(text).not.toContain("oneDNN");
});
