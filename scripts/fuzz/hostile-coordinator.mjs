// A coordinator that sends damaged messages and bombs to live workers and relays. They may refuse, retry, or exit with code 0 or 1
// and a sentence; they must not crash, and their memory must stay bounded.
import { WebSocketServer } from "ws";
import { configParts } from "../../dist/shared/protocol/payloads/config.js";
import { classesConfig, valuesConfig } from "../faults/small-config.mjs";
import { Grammar } from "./grammar.mjs";
import { residentMb } from "./live-run.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */

/** Retries wait longer each time, so new processes are faster. */
const CONNECTIONS_PER_WORKER = 5;
const MAX_WORKER_MB = 1500;
const PARALLEL = 2;

/** Sends a few messages to each worker that connects. @param {Grammar} grammar @param {() => void} onVisit */
function serveDamage(grammar, onVisit) {
  const { random } = grammar;
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  server.on("connection", (socket) => {
    onVisit();
    const timer = setTimeout(() => socket.terminate(), 1_500);
    socket.on("error", () => undefined);
    socket.on("close", () => clearTimeout(timer));
    socket.once("message", () => {
      if (random.below(2) === 0) {
        const [configuration] = configParts(grammar.any([classesConfig, valuesConfig]));
        socket.send(grammar.welcome(/** @type {Uint8Array} */ (configuration)));
      }
      for (let messages = 1 + random.below(3); messages > 0; messages--) {
        socket.send(grammar.message(grammar.fromCoordinator));
      }
    });
  });
  return server;
}

/**
 * @param {import("./live-run.mjs").Runs} runs
 * @param {Random} random
 * @param {number} connections total number of connections
 * @param {"worker" | "relay"} kind
 */
export async function fuzzWorker(runs, random, connections, kind) {
  const grammar = new Grammar(random);
  let visits = 0;
  let peakMb = 0;
  let deaths = 0;
  const fuzzInTurn = async () => {
    while (visits < connections) await fuzzOne();
  };
  const fuzzOne = async () => {
    let ownVisits = 0;
    /** @type {() => void} */
    let stop = () => undefined;
    const server = serveDamage(grammar, () => {
      visits++;
      peakMb = Math.max(peakMb, residentMb(worker.child.pid, "VmHWM") || 0);
      if (++ownVisits > CONNECTIONS_PER_WORKER || visits > connections) stop();
    });
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const url = `ws://127.0.0.1:${port}`;
    const listen = kind === "relay" ? ["--port", "0"] : [];
    const worker = runs.command([kind, url, "--retry-for", "20", ...listen]);
    stop = () => worker.kill("SIGTERM");
    const { code, signal } = await worker.ended;
    const isFine = signal === null && [0, 1, 143].includes(code ?? -1);
    if (!isFine || / at .*\.js:\d+|should not happen/.test(worker.stderr)) {
      deaths++;
      process.stderr.write(
        `a ${kind} ended with ${code ?? signal}: ${worker.stderr.slice(-2000)}\n`,
      );
    }
    for (const client of server.clients) client.terminate();
    server.close();
  };
  await Promise.all(Array.from({ length: PARALLEL }, fuzzInTurn));
  const isBounded = peakMb < MAX_WORKER_MB;
  process.stdout.write(
    `${kind}s: ${visits} connections to a hostile coordinator, ${deaths} deaths, resident memory at most ${peakMb.toFixed(0)} MB${isBounded ? "" : ", TOO MUCH"}\n`,
  );
  return deaths === 0 && isBounded;
}
