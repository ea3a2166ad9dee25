// Writes a file whole or not at all: temporary file in the same folder, fsync, rename, fsync of the folder.
// Whenever the power goes, the name holds the old content or the new. Own code, as write-file-atomic, atomically and steno
// take the content as one buffer or string (2 GiB at most), and do not sync the folder.
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

/** As many links in a chain as Linux itself follows. */
export const MAX_LINKS = 40;
const PERMISSIONS = 0o777;

/**
 * Where `file` is a symbolic link, its target is written, and the link stays. A file that is replaced hands on its mode,
 * and its owner where the process may give files away.
 * @param pieces the content, in order
 * @param beforeReplace is called with the real path when the new content is on the disk and the old still under its name;
 * where it throws, nothing is replaced
 * @throws the system's error, after which `file` is as it was and no temporary file is left
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
  // Exclusive: a link that someone laid at this name in a shared folder is not followed.
  const handle = await open(temporary, "wx", replaced ? 0o600 : 0o644);
  try {
    try {
      if (replaced) await takeAttributes(handle, replaced);
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

/** Unique also among processes of one id, as containers that share a folder have them. `isTemporaryOf` knows it again. */
export function temporaryName(file: string): string {
  return `${file}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
}

/** @param entry a name in the folder of `file` */
export function isTemporaryOf(file: string, entry: string): boolean {
  const prefix = `${basename(file)}.`;
  // Earlier versions had the process's id alone.
  return entry.startsWith(prefix) && /^\d+\.([0-9a-f]{12}\.)?tmp$/.test(entry.slice(prefix.length));
}

/** So that a new name in it survives a power cut. Windows cannot do that to folders. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The real path, also of a file that does not exist yet. */
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

async function takeAttributes(handle: FileHandle, replaced: Stats): Promise<void> {
  const own = await handle.stat();
  if (own.uid !== replaced.uid || own.gid !== replaced.gid) {
    // Only root may give a file to another user; what cannot be kept is no reason not to write.
    await handle.chown(replaced.uid, replaced.gid).catch(() => undefined);
  }
  await handle.chmod(replaced.mode & PERMISSIONS);
}
