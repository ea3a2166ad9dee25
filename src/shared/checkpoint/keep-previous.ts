// Keeps a file under a second name before it is replaced. The first name exists throughout.
import { constants } from "node:fs";
import { copyFile, link, open, rm } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { syncFolder } from "./atomic-write.js";

/**
 * Gives the file a second name in the same folder: `good.safetensors` is also `good.previous.safetensors`, or
 * `good.previous-2.safetensors` if that exists, and so on. No existing file is replaced.
 * @returns the second name
 * @throws the system's error; then the folder is unchanged
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
 * Copies if a hard link is not possible: some file systems have none, and a file of another user may not be linked.
 * @throws the system's error; EEXIST if the name is taken
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
    // Windows can only sync a file that is open for writing; elsewhere a copy of a read-only file could not be opened that way.
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
