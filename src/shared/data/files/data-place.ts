// What is at the path of --data: a folder with its entries, or a file with its first bytes. Kinds of data are recognized by this.
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

/** Enough to recognize a text file. */
const BEGINNING_BYTES = 4096;

export interface DataPlace {
  /** As it was given. */
  readonly path: string;
  readonly isFolder: boolean;
  /** The entries of a folder, sorted. Empty for a file. */
  readonly names: readonly string[];
  /** The first bytes of a file, unpacked if it is gzipped. Empty for a folder. */
  readonly beginning: Uint8Array;
}

export { pathText };

/** @throws TandemError `data-folder-missing`, `data-file-missing` if the path cannot be read */
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
    if (!status.isFile()) throw new Error("it is not a regular file");
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

/** The first bytes of a regular file, unpacked if it is gzipped. @throws the system's error, or if it is not a regular file */
export function readBeginning(path: string): Uint8Array {
  // Otherwise opening a named pipe would wait for a writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new Error("it is not a regular file");
    const bytes = Buffer.alloc(BEGINNING_BYTES);
    return unzipBeginning(bytes.subarray(0, readSync(fd, bytes)));
  } finally {
    closeSync(fd);
  }
}

function unzipBeginning(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    // The stream is truncated here.
    const options = { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: 2 ** 23 };
    return gunzipSync(bytes, options).subarray(0, BEGINNING_BYTES);
  } catch {
    // It is damaged, which is reported when the whole file is read.
    return bytes;
  }
}
