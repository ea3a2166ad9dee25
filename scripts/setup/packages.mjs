// The npm packages, without their install scripts: tfjs-node's own script fetches from a host that refuses (tensorflow/tfjs#8742).
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError, say } from "./report.mjs";
import { run } from "./run.mjs";

/**
 * True where node_modules holds what package-lock.json asks for. npm writes node_modules/.package-lock.json last,
 * so an install that was cut off does not count as done.
 * @param {string} root
 */
function packagesInPlace(root) {
  const installedFile = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) return false;
  try {
    const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
    return Object.entries(wanted).every(
      ([path, entry]) =>
        path === "" || entry.optional === true || installed[path]?.version === entry.version,
    );
  } catch {
    return false;
  }
}

/** @param {string} root */
export async function setUpPackages(root) {
  if (packagesInPlace(root)) return;
  say("Installing the npm packages of package-lock.json (about 450 MB unpacked) …");
  const result = await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: root,
    label: "installing",
  });
  if (result.code !== 0) {
    throw new SetupError(
      `npm ci did not succeed. Is the npm registry within reach, and is there room on the disk?\n${firstErrors(result.output)}`,
    );
  }
}

/** npm tells the cause first and then its usage. @param {string} output */
function firstErrors(output) {
  const errors = output.split("\n").filter((line) => line.startsWith("npm error"));
  return errors.slice(0, 8).join("\n");
}
