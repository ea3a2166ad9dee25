// Only one run at a time may write an output. The lock is an operating system lock on a file beside the output. It ends with
// its process, however that ends, and holds while the process is suspended; a heartbeat, as in proper-lockfile, cannot do both.
import { closeSync, constants, fstatSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { messageOf, TandemError } from "../errors.js";
import { isTemporaryOf } from "./atomic-write.js";
import { realPathOf } from "./output-file.js";

/** Not `.lock`: users have such files, for example yarn.lock. */
export const LOCK_SUFFIX = ".tandem-lock";

/** How long to wait for a holder that was just killed and is still exiting. */
const PATIENCE_MS = 1_000;
const RETRY_MS = 50;

export interface OutputLock {
  /** Why there is no lock: the file system or the platform does not support locks. */
  missing?: string;
  release(): void;
}

/** Errors which mean that the lock file is another user's, rather than that locks are not supported. */
const FOREIGN = ["EACCES", "EPERM", "ELOOP", "EISDIR"];

type TryLock = (fd: number) => boolean;

/**
 * Locks the file until the process ends or releases it. Also removes temporary files of killed writers, which is safe for the
 * holder of the lock.
 * @param file in a writable folder
 * @throws TandemError `output-locked` if another process holds the lock
 */
export function lockOutput(file: string, patienceMs = PATIENCE_MS): OutputLock {
  const target = realPathOf(file);
  const path = `${target}${LOCK_SUFFIX}`;
  let fd: number | undefined;
  try {
    fd = openLocked(path, loadTryLock(), patienceMs);
  } catch (error) {
    if (isForeign(error)) {
      throw new TandemError(
        "output-locked",
        `${path} cannot be opened (${messageOf(error)}): another user's run may be writing ${file}. Remove it if there is none, or give another --output.`,
        { cause: error },
      );
    }
    return { missing: messageOf(error), release: () => undefined };
  }
  if (fd === undefined) {
    throw new TandemError(
      "output-locked",
      `Another run is writing ${file} (it holds ${path}). Wait until it ends or stop it, or give another --output.`,
    );
  }
  removeLeftovers(target);
  return releaseAtExit(path, fd);
}

function isForeign(error: unknown): boolean {
  return FOREIGN.includes((error as NodeJS.ErrnoException).code ?? "");
}

function loadTryLock(): TryLock {
  const { tryLock } = createRequire(import.meta.url)("fs-native-extensions") as {
    tryLock: TryLock;
  };
  return tryLock;
}

/** @returns undefined if another process holds the lock */
function openLocked(path: string, tryLock: TryLock, patienceMs: number): number | undefined {
  const deadlineMs = performance.now() + patienceMs;
  do {
    // Windows has no O_NOFOLLOW: undefined counts as 0.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const fd = openSync(path, flags, 0o666);
    try {
      // A holder removes the file when it is done, and a lock on a removed file excludes nobody.
      if (tryLock(fd) && isStillAt(path, fd)) return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
  } while (performance.now() < deadlineMs);
  return undefined;
}

function isStillAt(path: string, fd: number): boolean {
  const [own, there] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
  return there?.ino === own.ino && there.dev === own.dev;
}

function releaseAtExit(path: string, fd: number): OutputLock {
  let isHeld = true;
  const release = () => {
    if (!isHeld) return;
    isHeld = false;
    process.off("exit", release);
    try {
      // Removed before it is unlocked, so that nobody else's lock is removed. A file with content was not created here.
      if (isStillAt(path, fd) && fstatSync(fd).size === 0) rmSync(path, { force: true });
    } catch {
      // The folder is gone or no longer writable. Closing the descriptor releases the lock itself.
    }
    closeSync(fd);
  };
  process.on("exit", release);
  return { release };
}

/**
 * Removes temporary files of processes that were killed during a write. Only the holder of the lock may call it.
 * @param target a real path
 */
export function removeLeftovers(target: string): void {
  const folder = dirname(target);
  for (const entry of readdirSync(folder)) {
    if (isTemporaryOf(target, entry)) rmSync(join(folder, entry), { force: true });
  }
}
