// Writes a file atomically: temporary file in the same folder, fsync, rename, fsync of the folder. After a power failure the
// file has the old content or the new. Not a library, as write-file-atomic, atomically and steno take the content as one buffer
// or string (2 GiB at most) and do not sync the folder.
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import {
  type FileHandle,
  lstat,
  open,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

/** The same limit as in Linux. */
export const MAX_LINKS = 40;
const PERMISSIONS = 0o777;

/**
 * If `file` is a symbolic link, its target is written. The new file has the mode of the one that it replaces, and its owner if
 * the process may change owners.
 * @param pieces the content, in order
 * @param beforeReplace called with the real path when the new content is on the disk and the old file still has its name; if it
 * throws, nothing is replaced
 * @throws the system's error; then `file` is unchanged and no temporary file is left
 */
export async function writeAtomically(
  file: string,
  pieces: readonly Uint8Array[],
  beforeReplace?: (target: string) => Promise<void>,
): Promise<void> {
  const target = await followLinks(file);
  const replaced = await statIfThere(target);
  if (replaced && !replaced.isFile()) throw new Error(`${target} is not a regular file`);
  const temporary = temporaryName(target);
  // Exclusive, so that a link that someone else created in a shared folder is not followed.
  const handle = await open(temporary, "wx", replaced ? 0o600 : 0o644);
  try {
    try {
      if (replaced) await copyAttributes(handle, replaced);
      for (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await beforeReplace?.(target);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(target));
}

/** Unique even among processes with the same id, which containers that share a folder may have. See `isTemporaryOf`. */
export function temporaryName(file: string): string {
  return `${file}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
}

/** @param entry a name in the folder of `file` */
export function isTemporaryOf(file: string, entry: string): boolean {
  const prefix = `${basename(file)}.`;
  // Earlier versions used the process id only.
  return entry.startsWith(prefix) && /^\d+\.([0-9a-f]{12}\.)?tmp$/.test(entry.slice(prefix.length));
}

/** Makes a new name in the folder survive a power failure. Windows cannot sync folders. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The real path; the file need not exist yet. */
async function followLinks(file: string): Promise<string> {
  let path = resolve(file);
  for (let links = 0; links < MAX_LINKS; links++) {
    const folder = await realpath(dirname(path));
    path = join(folder, basename(path));
    const status = await ifThere(lstat(path));
    if (!status?.isSymbolicLink()) return path;
    path = resolve(folder, await readlink(path));
  }
  throw new Error(`${file}: too many symbolic links`);
}

function statIfThere(path: string): Promise<Stats | undefined> {
  return ifThere(stat(path));
}

async function ifThere(status: Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await status;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function copyAttributes(handle: FileHandle, replaced: Stats): Promise<void> {
  const own = await handle.stat();
  if (own.uid !== replaced.uid || own.gid !== replaced.gid) {
    // Only root may change a file's owner; the file is written anyway.
    await handle.chown(replaced.uid, replaced.gid).catch(() => undefined);
  }
  await handle.chmod(replaced.mode & PERMISSIONS);
}
