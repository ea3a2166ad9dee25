// Fills Tandem's folder in the user's cache. Content is created in a temporary folder next to its final path and renamed when it is
// complete, so an interrupted set-up never looks finished, and two set-ups can run at the same time.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, TandemError } from "../shared/errors.js";
import { cacheFolder } from "../shared/engine/tensorflow/installation.js";

/** @throws TandemError `setup` if the folder is not writable */
export function prepareCache(): void {
  const cache = cacheFolder();
  try {
    mkdirSync(cache, { recursive: true });
    removeLeftovers(cache);
  } catch (error) {
    throw new TandemError(
      "setup",
      `The cache folder ${cache} cannot be used (${messageOf(error)}). Set XDG_CACHE_HOME to a writable folder.`,
      { cause: error },
    );
  }
}

/** Removes the temporary folders of set-ups that were interrupted. */
function removeLeftovers(cache: string): void {
  for (const entry of readdirSync(cache)) {
    const pid = /^unfinished-(\d+)$/.exec(entry)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    rmSync(join(cache, entry), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Creates a folder of the cache unless it is already complete. If another set-up finishes first, its result is kept.
 * @param target a folder in the cache, which `prepareCache` has prepared
 * @param fill writes the content into a temporary folder, whose path it receives
 */
export async function createOnce(
  target: string,
  isComplete: (folder: string) => boolean,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  if (isComplete(target)) return;
  const temporary = join(cacheFolder(), `unfinished-${process.pid}`);
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  try {
    await fill(temporary);
    if (existsSync(target) && !isComplete(target)) {
      rmSync(target, { recursive: true, force: true });
    }
    try {
      renameSync(temporary, target);
    } catch (error) {
      if (!isComplete(target)) throw error;
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
