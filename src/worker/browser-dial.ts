// Opens a connection to a coordinator from a browser. A browser does not tell scripts why a connection failed: a wrong token, a
// closed port and a lost network look the same. It sends the page's cookie along.
import { messageOf } from "../shared/errors.js";
import type { Transport } from "../shared/protocol/transport.js";
import { type BrowserSocket, BrowserTransport } from "./browser-transport.js";
import type { DialFailure } from "./worker.js";

const CONNECT_MS = 10_000;

/**
 * Connects, and returns the result of `serve`.
 * @param openSocket `new WebSocket(url)`
 * @param serve called in the same turn of the event loop in which the connection opens, so that it misses no message
 */
export function dialFromBrowser<T>(
  url: string,
  openSocket: (url: string) => BrowserSocket,
  stop: AbortSignal,
  serve: (transport: Transport) => Promise<T>,
): Promise<T | DialFailure> {
  if (stop.aborted) return Promise.resolve({ kind: "stopped" });
  return new Promise((resolve) => {
    let socket: BrowserSocket;
    try {
      socket = openSocket(url);
    } catch (error) {
      // An invalid URL, or one that this page may not connect to.
      resolve({ kind: "refused", cause: "other", reason: messageOf(error) });
      return;
    }
    socket.binaryType = "arraybuffer";
    const settle = (result: Promise<T> | DialFailure) => {
      clearTimeout(timer);
      stop.removeEventListener("abort", abort);
      resolve(result);
    };
    const giveUp = (result: DialFailure) => {
      socket.onopen = null;
      socket.onclose = null;
      socket.close();
      settle(result);
    };
    const abort = () => giveUp({ kind: "stopped" });
    const timer = setTimeout(
      () => giveUp({ kind: "failed", reason: `no connection within ${CONNECT_MS / 1000} s` }),
      CONNECT_MS,
    );
    stop.addEventListener("abort", abort, { once: true });
    socket.onopen = () => settle(serve(new BrowserTransport(socket)));
    // `error` carries no information, and is followed by `close`.
    socket.onclose = () => settle({ kind: "failed", reason: "no connection" });
  });
}
