// A proxy that changes, repeats, delays, drops and adds complete messages, with valid checksums. It does not change numbers of
// gradients or weights, which only a comparison with another worker's answer could detect.
import { WebSocket, WebSocketServer } from "ws";
import {
  COORDINATOR_FRAME_LIMITS,
  decodeFrame,
  encodeFrame,
  FrameError,
} from "../../dist/shared/protocol/frame.js";
import { BOUNDARY_VALUES } from "./values.mjs";

/** @typedef {import("./grammar.mjs").Grammar} Grammar */
/** @typedef {{type?: unknown, [field: string]: unknown}} Header */

/** On average, one in this many messages is changed. */
const MESSAGES_PER_SPOIL = 25;

/** One direction of a connection. */
class SpoiledDirection {
  /**
   * @param {Grammar} grammar
   * @param {boolean} isUp true: towards the coordinator
   * @param {Record<string, number>} counts changes by kind
   */
  constructor(grammar, isUp, counts) {
    this.grammar = grammar;
    this.isUp = isUp;
    this.counts = counts;
    /** Earlier messages. @type {Uint8Array[]} */
    this.past = [];
    /** A message that is sent after the next one. @type {Uint8Array | undefined} */
    this.held = undefined;
  }

  /** @param {Uint8Array} bytes a message @returns {(Uint8Array | "close")[]} what is sent instead */
  next(bytes) {
    const { grammar, held } = this;
    this.held = undefined;
    if (held) return [bytes, held];
    if (grammar.random.below(MESSAGES_PER_SPOIL) > 0) {
      this.past.push(Uint8Array.from(bytes));
      if (this.past.length > 8) this.past.shift();
      return [bytes];
    }
    const [name, spoil] = grammar.any(
      Object.entries({ ...this.ways(bytes), ...this.changes(bytes) }),
    );
    const key = `${this.isUp ? "up" : "down"}: ${name}`;
    this.counts[key] = (this.counts[key] ?? 0) + 1;
    return spoil();
  }

  /** @param {Uint8Array} bytes @returns {Record<string, () => (Uint8Array | "close")[]>} */
  ways(bytes) {
    const { grammar, isUp } = this;
    const others = grammar.valid.filter(([{ type }]) => {
      const isFromAbove = grammar.fromCoordinator.some(([own]) => own["type"] === type);
      return type !== "end" && type !== "goodbye" && isFromAbove !== isUp;
    });
    return {
      twice: () => [bytes, bytes],
      dropped: () => [],
      "cut off": () => ["close"],
      "after the next": () => {
        this.held = bytes;
        return [];
      },
      "old ones again": () => [...this.past, bytes],
      "a valid one of another run": () => [encodeFrame(...grammar.any(others)), bytes],
      "a damaged one": () => [grammar.message(others), bytes],
      "a bit flipped": () => {
        const flipped = Uint8Array.from(bytes);
        const place = grammar.random.below(flipped.length);
        flipped[place] = (flipped[place] ?? 0) ^ (1 << grammar.random.below(8));
        return [flipped];
      },
    };
  }

  /** Changes to a message's header and parts; none for a chunk, which has no header. @param {Uint8Array} bytes @returns {Record<string, () => Uint8Array[]>} */
  changes(bytes) {
    const frame = tryDecode(bytes);
    if (!frame) return {};
    const { grammar, isUp } = this;
    const { header, parts, tail } = frame;
    const withHeader = (/** @type {Header} */ changed) => {
      // The shards that a relay's sum is for cannot be verified, so they are not changed.
      const isMoved = header["type"] === "sum" && changed["from"] === 0;
      return encodeFrame(isMoved ? { ...changed, from: header["from"] } : changed, parts, tail);
    };
    const own = { task: header["task"] ?? grammar.random.below(50) };
    const reports = [
      ...[0, 1, 65_536, 2 ** 40].map((tasks) => ({ type: "capacity", tasks })),
      ...["returned", "unusable"].map((type) => ({ type, ...own })),
      { type: "state-request" },
    ];
    return {
      "a field at a boundary": () => {
        const key = grammar.any(Object.keys(header));
        return [withHeader({ ...header, [key]: grammar.any(BOUNDARY_VALUES) })];
      },
      "a field gone, added or of another type": () => [withHeader(grammar.spoilField(header))],
      "another number": () => {
        const key = grammar.any(Object.keys(header));
        const value = header[key];
        if (typeof value !== "number" || key === "from") return [bytes];
        return [withHeader({ ...header, [key]: Math.max(0, value + grammar.any([-2, -1, 1, 2])) })];
      },
      "a part missing": () => [encodeFrame(header, parts.slice(1), tail)],
      ...(isUp
        ? { "a relay's report": () => [encodeFrame(grammar.any(reports)), bytes] }
        : { "a cancellation": () => [encodeFrame({ type: "cancel", ...own }), bytes] }),
    };
  }
}

/** @param {Uint8Array} bytes */
function tryDecode(bytes) {
  try {
    return decodeFrame(bytes, COORDINATOR_FRAME_LIMITS);
  } catch (error) {
    // A chunk of a tail.
    if (error instanceof FrameError) return undefined;
    throw error;
  }
}

/**
 * @param {string} url
 * @param {Grammar} grammar
 * @param {Record<string, number>} counts
 * @param {() => string} localAddress source address of a connection
 * @returns {Promise<{url: string, close: () => void}>}
 */
export function spoilingProxy(url, grammar, counts, localAddress) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  server.on("connection", (near) => {
    const far = new WebSocket(url, { perMessageDeflate: false, localAddress: localAddress() });
    near.pause();
    far.on("open", () => near.resume());
    for (const [from, to, isUp] of /** @type {const} */ ([
      [near, far, true],
      [far, near, false],
    ])) {
      const direction = new SpoiledDirection(grammar, isUp, counts);
      from.on("error", () => to.terminate());
      from.on("close", (code, reason) => {
        if (code === 1000 || code === 1001 || code >= 3000) to.close(code, reason);
        else to.terminate();
      });
      from.on("message", (/** @type {Buffer} */ bytes) => {
        for (const message of direction.next(bytes)) {
          if (message === "close") from.terminate();
          else if (to.readyState === WebSocket.OPEN) to.send(message);
        }
      });
    }
  });
  return new Promise((resolve) => {
    server.on("listening", () => {
      const address = server.address();
      const port = typeof address === "object" ? address?.port : 0;
      const close = () => {
        for (const client of server.clients) client.terminate();
        server.close();
      };
      resolve({ url: `ws://127.0.0.1:${port}`, close });
    });
  });
}
