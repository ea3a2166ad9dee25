// What libtensorflow has to say while it loads must not reach the user's standard error, and what Tandem says must.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { hasTensorFlow } from "../support/engines.js";
import { tandem } from "../support/tandem.js";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

/** With it the library greets on every processor; without, only on those with AVX512-VNNI and the like. */
const GREETING = { TF_ENABLE_ONEDNN_OPTS: "1" };

const noSteps = () => [
  "single",
  "--data",
  writeDataset(),
  "--validation-size",
  "0",
  "--steps",
  "0",
];

function expectOnlyTandem(text: string): void {
  expect(text).toContain("checkpoint of step 0 written");
  expect(text).not.toMatch(/oneDNN|absl|TensorFlow binary/);
}

test("notices after the engine has loaded are not lost where standard error is a shared file", () => {
  const cwd = temporaryFolder();
  const run = `${process.execPath} ${CLI} single --data ${writeDataset()} --validation-size 0 --steps 1`;
  const script = `(echo before >&2; ${run} > out; echo after >&2) 2> err`;
  writeFileSync(join(cwd, "script.sh"), script);
  execFileSync("bash", ["script.sh"], { cwd });
  const lines = readFileSync(join(cwd, "err"), "utf8");
  expect(lines).toMatch(/^before\n/);
  expect(lines).toMatch(/parameters, .* 1 step of 50/);
  expect(lines).toContain("checkpoint of step 1 written");
  expect(lines).toMatch(/after\n$/);
});

test.skipIf(!hasTensorFlow).each([
  ["a pipe", (run: string) => `${run} 2>&1 | cat > all`],
  ["a file", (run: string) => `${run} > all 2>&1`],
])("libtensorflow's greeting does not reach %s", (_what, script) => {
  const cwd = temporaryFolder();
  const run = [process.execPath, CLI, ...noSteps()].join(" ");
  execFileSync("bash", ["-c", script(run)], { cwd, env: { ...process.env, ...GREETING } });
  expectOnlyTandem(readFileSync(join(cwd, "all"), "utf8"));
});

test.skipIf(!hasTensorFlow)("libtensorflow's greeting does not reach a socket", async () => {
  // Node's pipes to child processes are pairs of sockets.
  const { stderr } = await tandem(noSteps(), { cwd: temporaryFolder(), env: GREETING });
  expectOnlyTandem(stderr);
});

test.skipIf(!hasTensorFlow)("who asks for libtensorflow's log gets it", async () => {
  const env = { ...GREETING, TF_CPP_MIN_LOG_LEVEL: "0" };
  const { stderr } = await tandem(noSteps(), { cwd: temporaryFolder(), env });
  expect(stderr).toContain("oneDNN");
});
