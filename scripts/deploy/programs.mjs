// Programs of the system that checks of deploy/ need, and that are not installed for them.
import { existsSync } from "node:fs";
import { join } from "node:path";

/** @param {string} program */
export function isInstalled(program) {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}
