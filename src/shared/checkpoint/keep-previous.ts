// Keeps a file under a second name before another takes its place. The first name is there all the time.
import { constants } from "node:fs";
import { copyFile, link, open, rm } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { syncFolder } from "./atomic-write.js";

/**
 * Gives the file a second name in the same folder: `good.safetensors` is also `good.previous.safetensors`, or
 * `good.previous-2.safetensors` where that exists, and so on. Nothing that has such a name is replaced.
 * @returns the second name
 * @throws the system's error, after which the folder is as it was
 */
export async function keepPrevious(file: string): Promise<string> {
  const { dir, name, ext } = parse(file);
  for (let count = 1; ; count++) {
    const previous = join(dir, `${name}.previous${count === 1 ? "" : `-${count}`}${ext}`);
    try {
      await linkOrCopy(file, previous);
    } catch (error) {
      if (isExisting(error)) continue;
      throw error;
    }
    await syncFolder(dirname(previous));
    return previous;
  }
}

/**
 * Not all file systems have hard links, and not every user may make one of another user's file.
 * @throws the system's error, EEXIST where anything has the name
 */
async function linkOrCopy(file: string, name: string): Promise<void> {
  try {
    await link(file, name);
    return;
  } catch (error) {
    if (isExisting(error)) throw error;
  }
  await copyFile(file, name, constants.COPYFILE_EXCL);
  try {
    // Windows flushes only what is open for writing; elsewhere a copy of a file that is read-only could not be opened so.
    const handle = await open(name, process.platform === "win32" ? "r+" : "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(name, { force: true });
    throw error;
  }
}

function isExisting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EEXIST";
}
