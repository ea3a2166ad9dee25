// A temporary folder that is deleted when the script ends, unless it is killed by SIGKILL.
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

/** @type {string[]} */
const folders = [];

/** @param {string} prefix prefix of the folder's name */
export function temporaryFolder(prefix) {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.push(folder);
  return folder;
}

process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  // Without a listener, a signal ends the process without its "exit" event.
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
