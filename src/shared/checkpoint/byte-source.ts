// The source of a checkpoint's bytes: memory, or an open file that is read in pieces, as it may be larger than a buffer can be
// (Node reads at most 2 GiB at a time).
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { messageOf, TandemError } from "../errors.js";

export interface ByteSource {
  readonly byteLength: number;
  /** Fills `target` with the bytes from `position` on. @throws Error if the source is too short */
  readInto(target: Uint8Array, position: number): void;
}

export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.byteLength,
    readInto: (target, position) => {
      target.set(bytes.subarray(position, position + target.byteLength));
    },
  };
}

/**
 * Opens a file, calls `use`, and closes the file.
 * @throws TandemError `checkpoint-missing` if there is no regular file, or it cannot be read. Named pipes and devices are
 * refused, as reading them could block forever or never end.
 */
export function withFile<T>(file: string, use: (source: ByteSource) => T): T {
  const refuse = (what: string, cause?: unknown) =>
    new TandemError("checkpoint-missing", what, { cause });
  let fd: number;
  try {
    if (!statSync(file).isFile()) throw refuse(notAFile(file));
    // Nonblocking, in case the name has become a named pipe: this does not wait for a writer.
    // (Windows has neither such pipes nor the flag: undefined counts as 0.)
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof TandemError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw refuse(
        `The checkpoint ${file} does not exist. Give the path of a .safetensors file that a run wrote with --output.`,
        error,
      );
    }
    throw refuse(
      `The checkpoint ${file} cannot be read (${messageOf(error)}). Check its permissions.`,
      error,
    );
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw refuse(notAFile(file));
    return use(fileSource(file, fd, status.size));
  } finally {
    closeSync(fd);
  }
}

function notAFile(file: string): string {
  return `${file} is not a regular file (but a folder, a named pipe, a device or a socket). Give a checkpoint's path.`;
}

function fileSource(file: string, fd: number, byteLength: number): ByteSource {
  return {
    byteLength,
    readInto: (target, position) => {
      for (let filled = 0; filled < target.byteLength;) {
        let count: number;
        try {
          count = readSync(fd, target, filled, target.byteLength - filled, position + filled);
        } catch (error) {
          throw new TandemError(
            "checkpoint-missing",
            `The checkpoint ${file} cannot be read (${messageOf(error)}). Take another copy of it.`,
            { cause: error },
          );
        }
        if (count === 0) {
          throw new TandemError(
            "checkpoint-damaged",
            `The checkpoint ${file} became shorter while it was read. Take another copy of it.`,
          );
        }
        filled += count;
      }
    },
  };
}
