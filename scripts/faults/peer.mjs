// A worker for the tests and the chaos run that misbehaves on demand: it follows the protocol and computes correct results, and the
// caller can change what it sends. Needs the compiled dist/.
import { WebSocket } from "ws";
import { openEngine } from "../../dist/shared/engine/open-engine.js";
import { FrameReader } from "../../dist/shared/protocol/channel.js";
import { encodeFrame } from "../../dist/shared/protocol/frame.js";
import { parseFromCoordinator, PROTOCOL_VERSION } from "../../dist/shared/protocol/messages.js";
import { readConfig } from "../../dist/shared/protocol/payloads/config.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";
import { WorkerRuntime } from "../../dist/worker/worker-runtime.js";

/** @typedef {{message: Record<string, unknown>, parts: ArrayBufferView[]}} Reply */

/**
 * @param {string} url
 * @param {Record<string, string>} [headers]
 * @param {string} [localAddress] source address, any of 127.0.0.0/8
 * @returns {Promise<WebSocket>}
 */
export function connect(url, headers = {}, localAddress = undefined) {
  return new Promise((resolve, reject) => {
    const from = localAddress === undefined ? {} : { localAddress };
    const socket = new WebSocket(url, { perMessageDeflate: false, headers, ...from });
    socket.once("open", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** @param {object} message @param {readonly ArrayBufferView[]} [parts] */
export function frameOf(message, parts = []) {
  return encodeFrame(message, parts);
}

/** @param {WebSocket} socket @returns {Promise<{code: number, reason: string}>} */
export function waitForClose(socket) {
  return new Promise((resolve) => {
    if (socket.readyState === WebSocket.CLOSED) resolve({ code: 0, reason: "" });
    socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    socket.on("error", () => undefined);
  });
}

/**
 * Joins a run and answers its tasks.
 * @param {string} url
 * @param {{
 *   name?: string,
 *   token?: string,
 *   localAddress?: string,
 *   holder?: { runtime?: WorkerRuntime },
 *   onState?: (step: number) => void,
 *   digest?: (own: ReturnType<WorkerRuntime["digest"]>) => object,
 *   change?: (reply: Reply, task: Record<string, unknown>) => (Uint8Array | "close")[],
 * }} [options] `change` returns what is sent instead of a reply: complete messages as bytes, or "close" to cut the connection;
 *   `holder` keeps the loaded engine for the next connection; `digest` returns what is sent instead of the worker's digest
 * @returns {Promise<WebSocket>} resolves after the welcome
 */
export async function joinRun(url, options = {}) {
  const { name = "peer", token, change, onState, digest = (own) => own } = options;
  const { holder = {}, localAddress } = options;
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const socket = await connect(url, headers, localAddress);
  socket.on("error", () => undefined);
  socket.send(frameOf({ type: "hello", protocol: PROTOCOL_VERSION, name, kind: "node" }));
  /** @type {WorkerRuntime | undefined} */
  let runtime;
  let lastBucket = 0;
  return new Promise((resolve) => {
    socket.on("close", () => resolve(socket));
    const reader = new FrameReader((header, lengths) => {
      return runtime?.tailPlaces(parseFromCoordinator({ header }), lengths) ?? [];
    });
    socket.on("message", (/** @type {Buffer} */ data) => {
      const frame = reader.read(data);
      if (!frame) return;
      const message = parseFromCoordinator(frame);
      if (message.type === "welcome") {
        const { broadcast } = message;
        const config = readConfig(frame.parts);
        if (!holder.runtime?.fits(config, broadcast)) {
          holder.runtime = new WorkerRuntime(layoutOfRun(config), broadcast, openEngine);
        }
        runtime = holder.runtime;
        lastBucket = layoutOfRun(config).buckets.length - 1;
        socket.send(frameOf({ type: "ready", numerics: runtime.numerics }));
        resolve(socket);
      } else if (message.type === "state") {
        runtime?.takeState(message, frame.parts);
        // The last bucket completes the state.
        if (message.group === lastBucket) onState?.(message.step);
      } else if (message.type === "update") {
        runtime?.takeUpdate(message, frame.parts);
        if (runtime && message.wantsDigest) socket.send(frameOf(digest(runtime.digest())));
      } else if (
        message.type === "shard" ||
        message.type === "evaluate" ||
        message.type === "moments"
      ) {
        runtime?.compute(message, frame.parts, (reply) => {
          const outgoing = change?.(reply, message) ?? [frameOf(reply.message, reply.parts)];
          for (const bytes of outgoing) {
            if (bytes === "close") socket.terminate();
            else if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
          }
        });
      } else if (message.type === "factors") {
        runtime?.takeFactors(message, frame.parts);
      } else if (message.type === "merged") {
        runtime?.takeMerged(message, frame.parts);
      } else {
        socket.close(1000);
      }
    });
  });
}
