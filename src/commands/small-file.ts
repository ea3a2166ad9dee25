// Files that a user names and that hold little: tokens, certificates, options.
import { closeSync, openSync, readSync } from "node:fs";

/** Far more than a token, a chain of certificates or a file of options has. */
const MAX_FILE_BYTES = 1024 * 1024;

/** The content, also of a pipe. @throws Error where it is too large, as of a device that never ends */
export function readSmallFile(file: string): Buffer {
  const fd = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    let byteLength = 0;
    for (let count = -1; count !== 0 && byteLength < bytes.length; byteLength += count) {
      count = readSync(fd, bytes, byteLength, bytes.length - byteLength, null);
    }
    if (byteLength > MAX_FILE_BYTES) throw new Error("it is too large");
    return bytes.subarray(0, byteLength);
  } finally {
    closeSync(fd);
  }
}
