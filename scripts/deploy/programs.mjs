// System programs that the checks of deploy/ need but do not install.
import { existsSync } from "node:fs";
import { join } from "node:path";

/** @param {string} program */
export function isInstalled(program) {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}
