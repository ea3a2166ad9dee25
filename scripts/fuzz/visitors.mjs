// Connections that send damaged messages and bombs to a live coordinator, before and during its run.
import { WebSocket } from "ws";
import {
  COORDINATOR_FRAME_LIMITS,
  decodeFrame,
  encodeFrame,
} from "../../dist/shared/protocol/frame.js";
import { PROTOCOL_VERSION } from "../../dist/shared/protocol/messages.js";
import { readConfig } from "../../dist/shared/protocol/payloads/config.js";
import { Grammar } from "./grammar.mjs";
import { randomAddress, residentMb } from "./live-run.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */

/**
 * Opens one connection that sends up to three damaged messages. Resolves when it is closed.
 * @param {string} url
 * @param {Grammar} grammar
 * @param {boolean} takesPart some connections complete the handshake first, as workers or relays, and may be sent tasks
 */
export function visit(url, grammar, takesPart) {
  const { random } = grammar;
  return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    const localAddress = randomAddress(random);
    const socket = new WebSocket(url, { perMessageDeflate: false, localAddress });
    const timer = setTimeout(() => socket.terminate(), 100);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on("open", () => {
      const damage = () => {
        for (let messages = 1 + random.below(3); messages > 0; messages--) {
          socket.send(grammar.message(), { binary: random.below(20) !== 0 });
        }
        if (random.below(4) === 0) socket.terminate();
      };
      if (random.below(2) === 0) {
        damage();
        return;
      }
      const name = `f${random.below(50)}`;
      const kind = grammar.any(["node", "relay"]);
      socket.send(encodeFrame({ type: "hello", protocol: PROTOCOL_VERSION, name, kind }));
      if (!takesPart || random.below(2) === 0) {
        damage();
        return;
      }
      // The others complete the handshake.
      socket.once("message", (/** @type {Buffer} */ welcome) => {
        const numerics = numericsIn(welcome);
        if (numerics === undefined || socket.readyState !== WebSocket.OPEN) return;
        socket.send(encodeFrame({ type: "ready", numerics }));
        if (kind === "relay")
          socket.send(encodeFrame({ type: "capacity", tasks: random.below(9) }));
        damage();
      });
    });
  });
}

/** The configuration's fingerprint; undefined if the message is not a welcome. @param {Uint8Array} message */
function numericsIn(message) {
  const { header, parts } = decodeFrame(message, COORDINATOR_FRAME_LIMITS);
  return header["type"] === "welcome" ? readConfig(parts).numerics : undefined;
}

/**
 * @param {import("./live-run.mjs").Runs} runs
 * @param {Random} random
 * @param {number} connections before the run; more are opened while it lasts
 */
export async function fuzzCoordinator(runs, random, connections) {
  const grammar = new Grammar(random);
  // The run waits for its second worker during the first connections.
  const run = await runs.coordinator(2);
  run.worker("first");
  await run.waitForWorker("first");
  const { pid } = run.command.child;
  let early = 0;
  for (let done = 0; done < connections && !run.isOver; done += 50) {
    await Promise.all(Array.from({ length: 50 }, () => visit(run.url, grammar, false)));
    if (early === 0 && done >= connections / 2) early = residentMb(pid);
  }
  const growth = residentMb(pid) - early;
  run.worker("second");
  let during = 0;
  while (!run.isOver) {
    await Promise.all(Array.from({ length: 20 }, () => visit(run.url, grammar, true)));
    during += 20;
  }
  const outcome = await run.outcome();
  process.stdout.write(
    `coordinator: ${connections} connections before and ${during} during ${runs.steps} steps, resident memory ${growth.toFixed(0)} MB more than at half the connections, ${outcome}\n`,
  );
  return outcome === "result unchanged";
}
