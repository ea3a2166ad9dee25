// Keeps a file under a second name before another takes its place. The first name is there all the time.
import { constants } from "node:fs";
import { copyFile, link, open, rename, rm } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { syncFolder, temporaryName } from "./atomic-write.js";

/** `good.safetensors` → `good.previous.safetensors`, in the same folder. */
export function previousName(file: string): string {
  const { dir, name, ext } = parse(file);
  return join(dir, `${name}.previous${ext}`);
}

/**
 * Gives the file its previous name as well. A file that has that name already is replaced: it is one run older, and
 * otherwise each run would leave one more.
 * @returns the previous name
 * @throws the system's error, after which both names are as they were
 */
export async function keepPrevious(file: string): Promise<string> {
  const previous = previousName(file);
  const temporary = temporaryName(previous);
  try {
    await linkOrCopy(file, temporary);
    await rename(temporary, previous);
  } finally {
    // Also after a rename: it does nothing where both names are of one file already, as after a kill right here.
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(previous));
  return previous;
}

/** Not all file systems have hard links, and not every user may make one of another user's file. */
async function linkOrCopy(file: string, name: string): Promise<void> {
  try {
    await link(file, name);
  } catch {
    await copyFile(file, name, constants.COPYFILE_EXCL);
    const handle = await open(name, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
