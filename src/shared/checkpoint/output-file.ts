// Checks output files before a run, so that it does not fail at its end.
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, TandemError } from "../errors.js";
import { MAX_LINKS } from "./atomic-write.js";

/**
 * The path with all links resolved; the file need not exist yet.
 * @throws the system's error if the folder does not exist, or the links form a cycle
 */
export function realPathOf(file: string, linkCount = 0): string {
  const path = join(realpathSync(dirname(resolve(file))), basename(file));
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (!isLink) return path;
  // The system resolves existing files and detects cycles; this is a dangling link, or a link to one.
  if (existsSync(path)) return realpathSync(path);
  const target = resolve(dirname(path), readlinkSync(path));
  if (linkCount >= MAX_LINKS) throw new Error("too many symbolic links");
  return realPathOf(target, linkCount + 1);
}

/** The first bytes of a regular file, as Latin-1. @throws the system's error */
export function beginningOf(file: string, byteLength: number): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(byteLength);
    return bytes.toString("latin1", 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

/** Whether both paths name the same file, which need not exist yet. */
export function isSameFile(a: string, b: string): boolean {
  try {
    const [first, second] = [a, b].map((file) => statSync(file, { throwIfNoEntry: false }));
    if (first && second) return first.dev === second.dev && first.ino === second.ino;
    return realPathOf(a) === realPathOf(b);
  } catch {
    return resolve(a) === resolve(b);
  }
}

/** @throws TandemError `output-unwritable` if the file cannot be written */
export function checkWritable(file: string, option: string): void {
  const refuse = (what: string) =>
    new TandemError("output-unwritable", `${option} ${file}: ${what}`);
  if (file === "") {
    throw new TandemError("output-unwritable", `${option} is empty. Give the path of a file.`);
  }
  let target: string;
  try {
    target = realPathOf(file);
  } catch (error) {
    const folder = dirname(resolve(file));
    if (existsSync(folder)) throw refuse(`${messageOf(error)}. Give another path.`);
    throw refuse(`the folder ${folder} does not exist. Create it first, or give another path.`);
  }
  const folder = dirname(target);
  if (!statSync(folder).isDirectory()) {
    throw refuse(`${folder} is not a folder. Give another path.`);
  }
  const status = statSync(target, { throwIfNoEntry: false });
  if (status?.isDirectory()) throw refuse("it is a folder. Give the path of a file.");
  if (status && !status.isFile()) {
    throw refuse("it is a device, a named pipe or a socket. Give the path of a file.");
  }
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (status) accessSync(target, constants.W_OK);
  } catch {
    throw refuse(`it cannot be written. Check the permissions of ${folder}.`);
  }
}
