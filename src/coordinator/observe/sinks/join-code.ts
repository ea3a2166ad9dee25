// Prints the QR code of the page /join on a terminal, for the people in the room. Once, when the run is about to begin.
import type { Writable } from "node:stream";
import { encode } from "uqr";
import type { EventSink } from "../../../shared/events.js";
import type { RunEvent } from "../../../shared/run-event.js";
import { isLoopback } from "../../workers/origin.js";
import { LineStream } from "./line-stream.js";

const MAX_UNREAD_BYTES = 64 * 1024;
/** Light modules around the code. ISO/IEC 18004 requires 4, but for a screen 2 are enough. */
const QUIET_ZONE = 2;
/** Black on white whatever the terminal's colours: not every reader recognizes inverted codes. */
const BLACK_ON_WHITE = "\u001b[38;5;16;48;5;231m";
const RESET = "\u001b[0m";

export class JoinCodeSink implements EventSink {
  readonly name = "the join page's QR code";
  private readonly lines: LineStream;
  private readonly columns: () => number;
  private page: string | undefined;

  /** @param columns of the terminal: a code that does not fit could not be scanned and is not printed */
  constructor(terminal: Writable, columns: () => number) {
    this.lines = new LineStream(terminal, { maxUnreadBytes: MAX_UNREAD_BYTES, whenFull: "drop" });
    this.columns = columns;
  }

  handle(event: RunEvent): void {
    this.lines.check();
    if (event.event === "listening") this.page = joinPageOf(event.urls);
    if (event.event !== "start" || this.page === undefined) return;
    if (event.config.engine.name !== "wasm") return;
    const rows = codeRows(this.page);
    if (rows[0]!.length <= this.columns()) {
      for (const row of rows) this.lines.write(`${BLACK_ON_WHITE}${row}${RESET}`);
    }
    this.lines.write(`to join from a phone or laptop: ${this.page}`);
  }

  close(): Promise<void> {
    return this.lines.drain();
  }
}

/**
 * The address of the page for other machines. It does not contain the token, which `--token-file` keeps out of terminals: the
 * page asks for it.
 * @returns undefined if only this machine can reach the run
 */
function joinPageOf(urls: readonly string[]): string | undefined {
  const url = urls.find((each) => !isLocal(new URL(each).hostname));
  return url === undefined ? undefined : `${url.replace(/^ws/, "http")}/join`;
}

function isLocal(hostname: string): boolean {
  return hostname === "localhost" || isLoopback(hostname.replace(/^\[(.*)\]$/, "$1"));
}

/** Each line of half blocks shows two rows of modules. */
export function codeRows(text: string): string[] {
  const { data, size } = encode(text, { border: QUIET_ZONE });
  return Array.from({ length: Math.ceil(size / 2) }, (_, line) => {
    const [upper = [], lower = []] = [data[2 * line], data[2 * line + 1]];
    return Array.from({ length: size }, (_each, x) => {
      if (upper[x] === true) return lower[x] === true ? "█" : "▀";
      return lower[x] === true ? "▄" : " ";
    }).join("");
  });
}
