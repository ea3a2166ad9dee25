// The npm packages of package-lock.json, without their install scripts: Tandem needs none of them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError, say, succeeds } from "./report.mjs";

/**
 * True if node_modules holds what package-lock.json asks for. npm writes node_modules/.package-lock.json last, so an install
 * that was interrupted does not count.
 * @param {string} root
 */
function hasPackages(root) {
  const installedFile = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) return false;
  try {
    const required = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
    return Object.entries(required).every(
      ([path, entry]) =>
        path === "" || entry.optional === true || installed[path]?.version === entry.version,
    );
  } catch {
    return false;
  }
}

/** @param {string} root @throws SetupError */
export function installPackages(root) {
  if (hasPackages(root)) return;
  say("Installing the npm packages of package-lock.json (about 350 MB unpacked) …");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"];
  // npm says where its own program is; on Windows the command `npm` is no program that could be started without a shell.
  const npm = process.env["npm_execpath"] ?? "";
  const isDone = /npm-cli\.c?js$/.test(npm)
    ? succeeds(process.execPath, [npm, ...args], root)
    : succeeds("npm", args, root);
  if (isDone) return;
  throw new SetupError(
    "npm ci failed. Can the npm registry be reached, and is there room on the disk?",
  );
}
