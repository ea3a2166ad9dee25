// Runs the unit tests and the package's tests on every major version of Node that Tandem supports, except the running one, which
// npm test has covered.
//   node scripts/ci/node-versions.mjs [22 24 …]
// The native modules (tfjs-node's binding, fs-native-extensions) use Node's stable API (Node-API), so that the same build works
// with all versions. These tests verify that too.
//
// If a version cannot be fetched, this is reported but is not a failure, for developers without a network. With CI set it is one:
// otherwise an unreachable registry would look like a passed test.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError, say } from "../setup/report.mjs";
import { fetchNode } from "./fetch-node.mjs";

/** Exact versions, so that only a change of ours can make a build fail. @type {Record<string, string>} */
const VERSIONS = { 20: "20.20.2", 22: "22.23.3", 24: "24.21.0" };

/** Skipped: they take a minute, and only test the engine's arithmetic, a native library that does not depend on Node. */
const SAME_ON_EVERY_NODE = "golden";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const isCi = (process.env["CI"] ?? "") !== "";

/** @param {string} program @returns {boolean} whether the tests pass */
function runTests(program) {
  const folders = readdirSync(join(root, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== SAME_ON_EVERY_NODE)
    .map(({ name }) => `test/${name}/`);
  // Not with --exclude, because the projects' own settings replace it.
  return [["--project", "unit", ...folders], ["test/package"]].every((args) =>
    runVitest(program, args),
  );
}

/** @param {string} program @param {string[]} args @returns {boolean} */
function runVitest(program, args) {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const { status } = spawnSync(program, [vitest, "run", ...args], {
    cwd: root,
    stdio: "inherit",
    // So that tests that start `node` by name use this Node too.
    env: { ...process.env, PATH: `${dirname(program)}:${process.env["PATH"] ?? ""}` },
  });
  return status === 0;
}

const running = process.versions.node.split(".")[0] ?? "";
const requested = process.argv.slice(2);
const majors =
  requested.length > 0 ? requested : Object.keys(VERSIONS).filter((major) => major !== running);

/** @type {string[]} */
const failures = [];
for (const major of majors) {
  const version = VERSIONS[major];
  if (version === undefined) {
    say(`Node ${major} is not one of ${Object.keys(VERSIONS).join(", ")}.`);
    process.exit(2);
  }
  try {
    const program = await fetchNode(version);
    say(`Tests on Node ${version} …`);
    if (!runTests(program)) failures.push(`tests failed on Node ${version}`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`Node ${version} cannot be fetched:\n${error.message}`);
    if (isCi) failures.push(`Node ${version} could not be fetched`);
    else say("Its tests are skipped. In CI this fails.");
  }
}
for (const failure of failures) say(failure);
process.exit(failures.length > 0 ? 1 : 0);
