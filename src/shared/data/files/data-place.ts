// What is at a path that the user named as data: a folder with its entries, or a file with its first bytes. Kinds of data are
// recognized by this alone.
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from "node:fs";
import { constants as zlib, gunzipSync } from "node:zlib";
import { messageOf, TandemError } from "../../errors.js";
import { pathText } from "./bad-data.js";

/** Enough to tell a text from anything else. */
const BEGINNING_BYTES = 4096;

export interface DataPlace {
  /** As it was given. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Of a folder: what is in it, sorted. Of a file: nothing. */
  readonly names: readonly string[];
  /** Of a file: its first bytes, unpacked if it is gzipped. Of a folder: nothing. */
  readonly beginning: Uint8Array;
}

export { pathText };

/** @throws TandemError `data-folder-missing`, `data-file-missing` where the path cannot be read */
export function lookAt(path: string): DataPlace {
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (!status) {
      throw new TandemError(
        "data-folder-missing",
        `--data ${pathText(path)} does not exist. Give a file or folder of data, or leave --data out for MNIST itself.`,
      );
    }
    if (status.isDirectory()) {
      return { path, isFolder: true, names: readdirSync(path).sort(), beginning: new Uint8Array() };
    }
    if (!status.isFile()) throw new Error("it is no regular file");
    return { path, isFolder: false, names: [], beginning: readBeginning(path) };
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw new TandemError(
      "data-file-missing",
      `--data ${pathText(path)} cannot be read (${pathText(messageOf(error))}). Check the path and its permissions.`,
      { cause: error },
    );
  }
}

/** The first bytes of a regular file, unpacked if it is gzipped. @throws the system's error, or that it is no regular file */
export function readBeginning(path: string): Uint8Array {
  // Opening a named pipe would wait for somebody to write to it.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new Error("it is no regular file");
    const bytes = Buffer.alloc(BEGINNING_BYTES);
    return unzipBeginning(bytes.subarray(0, readSync(fd, bytes)));
  } finally {
    closeSync(fd);
  }
}

function unzipBeginning(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    // It goes on behind these bytes.
    const options = { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: 2 ** 23 };
    return gunzipSync(bytes, options).subarray(0, BEGINNING_BYTES);
  } catch {
    // It is damaged, which is said when the whole file is read.
    return bytes;
  }
}
