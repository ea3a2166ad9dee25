// Reads the text of a network file, up to a size limit.
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { messageOf, TandemError } from "../shared/errors.js";

/** Larger than the Keras JSON of any network within network/limits.ts. */
const MAX_FILE_BYTES = 2 ** 26;

/**
 * @param option for messages
 * @throws TandemError `network-file` if it cannot be read, or is not text
 */
export function readNetworkFile(file: string, option: string): string {
  let fd: number;
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(file, option, messageOf(error), error);
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new Error("it is not a regular file");
    if (status.size > MAX_FILE_BYTES) throw new Error(`it has ${status.size} bytes`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(fd));
  } catch (error) {
    throw unreadable(file, option, messageOf(error), error);
  } finally {
    closeSync(fd);
  }
}

function unreadable(file: string, option: string, reason: string, cause: unknown): TandemError {
  return new TandemError(
    "network-file",
    `${option} ${file} cannot be read (${reason}). Give a file that Keras's model.to_json() or TensorFlow.js wrote.`,
    { cause },
  );
}
