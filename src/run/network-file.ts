// A network file's text, read with a limit.
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { messageOf, TandemError } from "../shared/errors.js";

/** More than any network within network/limits.ts has in Keras's JSON. */
const MAX_FILE_BYTES = 2 ** 26;

/**
 * @param option for messages
 * @throws TandemError `network-file` where it cannot be read, or is no text
 */
export function readNetworkFile(file: string, option: string): string {
  let fd: number;
  try {
    // Named pipes would be waited for.
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
