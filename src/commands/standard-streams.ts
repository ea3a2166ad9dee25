// Standard output and standard error, which other programs and people hold the other end of: they may go away, or stop
// reading, at any time.
import type { Writable } from "node:stream";

const DRAIN_MS = 3_000;

/** Node's own handle of a terminal's stream; it is not part of its documented interface, hence may be missing. */
interface TerminalHandle {
  _handle?: { setBlocking?: (isBlocking: boolean) => unknown };
}

/**
 * Must be called before anything is written. A closed stream (`tandem … | head`) does not make the command fail: code that needs
 * to know, such as a run's sinks, listens to the stream's errors itself.
 */
export function prepareStandardStreams(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => undefined);
    // Node makes writes to a terminal wait for it. After Ctrl-S the process would stand still at its next line, whatever
    // else it has to do; without the wait the lines queue up. (The terminal was opened anew for Node, so that other
    // processes' writes to it are as they were.)
    if (stream.isTTY) (stream as TerminalHandle)._handle?.setBlocking?.(false);
  }
}

/** Resolves once both have taken what was written, at the latest after `DRAIN_MS`. */
export async function drainStandardStreams(): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, DRAIN_MS)));
  await Promise.race([Promise.all([process.stdout, process.stderr].map(drain)), late]);
  clearTimeout(timer);
}

/** Resolves with an error as well: then there is nobody to write to. */
function drain(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
