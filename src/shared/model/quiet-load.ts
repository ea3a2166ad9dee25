// libtensorflow greets on standard error when it loads ("oneDNN custom operations are on …"), whatever its log level is set
// to. A command's standard error belongs to its user, so the greeting goes to /dev/null.
import { closeSync, fstatSync, openSync } from "node:fs";

const STDERR = 2;

/**
 * Runs `load` with file descriptor 2 on /dev/null, and puts it back. Node has no dup2; /proc reopens what the descriptor
 * stands for. Where that cannot be (other systems, a socket) or must not (a file), `load` just runs.
 */
export function quietly<T>(load: () => T): T {
  let kept: number;
  try {
    // A file that is opened again has a place of its own to write at, and would write over what others write to it; a
    // terminal or a pipe has no such place.
    const stderr = fstatSync(STDERR);
    if (!stderr.isFIFO() && !stderr.isCharacterDevice()) return load();
    kept = openSync("/proc/self/fd/2", "a");
  } catch {
    return load();
  }
  replaceStderr("/dev/null");
  try {
    return load();
  } finally {
    replaceStderr(`/proc/self/fd/${kept}`);
    closeSync(kept);
  }
}

/** A file that is opened takes the lowest free descriptor, and that is the one just closed. */
function replaceStderr(path: string): void {
  closeSync(STDERR);
  const opened = openSync(path, "a");
  if (opened !== STDERR) throw new Error(`standard error came to lie at descriptor ${opened}`);
}
