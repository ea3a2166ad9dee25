// Writes a file whole or not at all: temporary file in the same folder, fsync, rename, fsync of the folder.
// Whenever the power goes, the name holds the old content or the new.
import { accessSync, constants, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { TandemError } from "../errors.js";

/**
 * @param pieces the content, in order
 * @throws the system's error, after which `file` is as it was and no temporary file is left
 */
export async function writeAtomically(file: string, pieces: readonly Uint8Array[]): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, "w", 0o644);
    try {
      for (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(resolve(file)));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Temporary files of processes that are gone: they were killed in the middle of a write. */
export function removeLeftovers(file: string): void {
  const folder = dirname(resolve(file));
  const prefix = `${basename(file)}.`;
  for (const entry of readdirSync(folder)) {
    const pid = /^(\d+)\.tmp$/.exec(
      entry.startsWith(prefix) ? entry.slice(prefix.length) : "",
    )?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, entry), { force: true });
  }
}

/** True while a process of this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Finds out before a run what would otherwise be found after it.
 * @throws TandemError `output-unwritable` where a file of this name could not be written
 */
export function checkWritable(file: string, option: string): void {
  const folder = dirname(resolve(file));
  const refuse = (what: string) =>
    new TandemError("output-unwritable", `${option} ${file}: ${what}`);
  if (!existsSync(folder)) {
    throw refuse(`the folder ${folder} does not exist. Make it first, or give another path.`);
  }
  if (!statSync(folder).isDirectory()) {
    throw refuse(`${folder} is not a folder. Give another path.`);
  }
  if (existsSync(file) && statSync(file).isDirectory()) {
    throw refuse("it is a folder. Give the path of a file.");
  }
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (existsSync(file)) accessSync(file, constants.W_OK);
  } catch {
    throw refuse(`it cannot be written. Check the permissions of ${folder}.`);
  }
}
