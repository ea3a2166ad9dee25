// Connections that send damaged messages and bombs to a live coordinator, before its run and during it.
import { WebSocket } from "ws";
import { encodeFrame } from "../../dist/shared/protocol/frame.js";
import { PROTOCOL_VERSION } from "../../dist/shared/protocol/messages.js";
import { Grammar } from "./grammar.mjs";
import { randomAddress, residentMb } from "./live-run.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */

/** One connection that sends up to three damaged messages. @param {string} url @param {Grammar} grammar */
function visit(url, grammar) {
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
      if (random.below(2) === 0) {
        const name = `f${random.below(50)}`;
        socket.send(encodeFrame({ type: "hello", protocol: PROTOCOL_VERSION, name, kind: "node" }));
      }
      for (let messages = 1 + random.below(3); messages > 0; messages--) {
        socket.send(grammar.message(), { binary: random.below(20) !== 0 });
      }
      if (random.below(4) === 0) socket.terminate();
    });
  });
}

/**
 * @param {import("./live-run.mjs").Runs} runs
 * @param {Random} random
 * @param {number} connections before the run; about as many more come during it
 */
export async function fuzzCoordinator(runs, random, connections) {
  const grammar = new Grammar(random);
  // The run waits for its second worker while the connections come.
  const run = await runs.coordinator(2);
  run.worker("first");
  await run.joined("first");
  const { pid } = run.command.child;
  let early = 0;
  for (let done = 0; done < connections && !run.isOver; done += 50) {
    await Promise.all(Array.from({ length: 50 }, () => visit(run.url, grammar)));
    if (early === 0 && done >= connections / 2) early = residentMb(pid);
  }
  const growth = residentMb(pid) - early;
  run.worker("second");
  let during = 0;
  while (!run.isOver) {
    await Promise.all(Array.from({ length: 20 }, () => visit(run.url, grammar)));
    during += 20;
  }
  const outcome = await run.outcome();
  process.stdout.write(
    `coordinator: ${connections} connections before and ${during} during ${runs.steps} steps, resident memory ${growth.toFixed(0)} MB more than at half the connections, ${outcome}\n`,
  );
  return outcome === "result unchanged";
}
