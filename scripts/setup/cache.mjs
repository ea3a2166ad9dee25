// Tandem's folder in the user's cache, shared by all clones. What goes in is made in a temporary folder beside its place and
// renamed into it when whole, so a cut-off set-up leaves nothing that counts and two set-ups at once do not disturb each other.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(base, "tandem");
}

/** Folders of set-ups that ended before their rename. @param {string} cache */
export function removeLeftovers(cache) {
  for (const entry of readdirSync(cache)) {
    const pid = /^unfinished-(\d+)$/.exec(entry)?.[1];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), 0);
    } catch {
      rmSync(join(cache, entry), { recursive: true, force: true });
    }
  }
}

/**
 * Makes a folder's content apart and renames it into place. Where another set-up was first, its work is taken.
 * @param {string} target
 * @param {(work: string) => boolean} isWhole
 * @param {(work: string) => Promise<void>} make
 */
export async function makeOnce(target, isWhole, make) {
  if (isWhole(target)) return;
  const cache = cacheFolder();
  const work = join(cache, `unfinished-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    await make(work);
    if (existsSync(target) && !isWhole(target)) rmSync(target, { recursive: true, force: true });
    try {
      renameSync(work, target);
    } catch (error) {
      if (!isWhole(target)) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
