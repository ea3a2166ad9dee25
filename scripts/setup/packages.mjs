// Installs the npm packages of package-lock.json without running their install scripts, none of which Tandem needs.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError, say, succeeds } from "./report.mjs";

/**
 * Whether node_modules contains what package-lock.json requires. npm writes node_modules/.package-lock.json last, so an
 * interrupted installation does not count.
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
  // npm tells where its own program is. On Windows the command `npm` cannot be started without a shell.
  const npm = process.env["npm_execpath"] ?? "";
  const isDone = /npm-cli\.c?js$/.test(npm)
    ? succeeds(process.execPath, [npm, ...args], root)
    : succeeds("npm", args, root);
  if (isDone) return;
  throw new SetupError(
    "npm ci failed. Is the npm registry reachable, and is there enough disk space?",
  );
}
