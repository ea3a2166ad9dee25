// A proxy between a real worker and its coordinator that alters bytes of messages in both directions.
import { connect, createServer } from "node:net";
import { randomAddress } from "./live-run.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */

/** On average, one in this many messages is damaged. */
const MESSAGES_PER_FLIP = 40;

/**
 * Parses the frames of one direction (RFC 6455, section 5.2) and alters bytes of payloads only: damage to a frame's header is
 * detected by the WebSocket library, and this tests what the library lets through.
 */
class FlippingStream {
  /** @param {Random} random @param {{messages: number, flips: number}} counts */
  constructor(random, counts) {
    this.random = random;
    this.counts = counts;
    this.isHttp = true;
    /** The part of an HTTP or frame header that has arrived. @type {number[]} */
    this.head = [];
    this.payloadLeft = 0;
    /** Number of payload bytes before the one to alter; Infinity: none. */
    this.untilFlip = Infinity;
  }

  /** Damages the bytes in place. @param {Buffer} bytes */
  pass(bytes) {
    for (let at = 0; at < bytes.length;) {
      if (this.payloadLeft > 0) {
        const count = Math.min(this.payloadLeft, bytes.length - at);
        if (this.untilFlip < count) {
          const place = at + this.untilFlip;
          bytes[place] = (bytes[place] ?? 0) ^ (1 + this.random.below(255));
          this.counts.flips++;
        }
        this.untilFlip -= count;
        if (this.untilFlip < 0) this.untilFlip = Infinity;
        this.payloadLeft -= count;
        at += count;
        continue;
      }
      this.head.push(bytes[at++] ?? 0);
      if (this.isHttp) this.passHttp();
      else this.passHead();
    }
  }

  passHttp() {
    if (Buffer.from(this.head.slice(-4)).toString() !== "\r\n\r\n") return;
    this.isHttp = false;
    this.head = [];
  }

  passHead() {
    const [first = 0, second = 0] = this.head;
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const length = 2 + lengthBytes + (second & 0x80 ? 4 : 0);
    if (this.head.length < 2 || this.head.length < length) return;
    const extended = this.head.slice(2, 2 + lengthBytes);
    this.payloadLeft =
      lengthBytes === 0 ? short : extended.reduce((total, byte) => total * 256 + byte, 0);
    this.head = [];
    // Control frames have the highest bit of the opcode set.
    if ((first & 0x08) !== 0 || this.payloadLeft === 0) return;
    this.counts.messages++;
    if (this.random.below(MESSAGES_PER_FLIP) > 0) return;
    // Half of the changes are in the header, which is short but matters most.
    const end = this.random.below(2) === 0 ? Math.min(256, this.payloadLeft) : this.payloadLeft;
    this.untilFlip = this.random.below(end);
  }
}

/**
 * @param {number} port of the coordinator
 * @param {Random} random
 * @param {{messages: number, flips: number}} counts
 * @returns {Promise<{url: string, close: () => void}>}
 */
function proxy(port, random, counts) {
  /** @type {Set<import("node:net").Socket>} */
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect({ port, host: "127.0.0.1", localAddress: randomAddress(random) });
    for (const [from, to] of /** @type {const} */ ([
      [near, far],
      [far, near],
    ])) {
      const stream = new FlippingStream(random, counts);
      sockets.add(from);
      from.on("data", (/** @type {Buffer} */ bytes) => {
        stream.pass(bytes);
        if (!to.write(bytes)) from.pause();
      });
      to.on("drain", () => from.resume());
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on("end", () => to.end());
    }
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const ownPort = typeof address === "object" ? address?.port : 0;
      const close = () => {
        server.close();
        for (const socket of sockets) socket.destroy();
      };
      resolve({ url: `ws://127.0.0.1:${ownPort}`, close });
    });
  });
}

/** Restarts the worker when it exits, for example because a damaged message names another protocol version. */
async function keepWorker(
  /** @type {import("./live-run.mjs").LiveRun} */ run,
  /** @type {string} */ url,
) {
  while (!run.isOver) {
    const worker = run.worker("far", url);
    await Promise.race([worker.ended, run.command.ended]);
    if (run.isOver) worker.kill("SIGKILL");
    await worker.ended;
  }
}

/**
 * @param {import("./live-run.mjs").Runs} runs
 * @param {Random} random
 * @param {number} messages minimum number of messages; runs are repeated until it is reached
 */
export async function fuzzStream(runs, random, messages) {
  const counts = { messages: 0, flips: 0 };
  let outcome = "result unchanged";
  let rounds = 0;
  while (counts.messages < messages && outcome === "result unchanged") {
    rounds++;
    const run = await runs.coordinator(2);
    const middle = await proxy(Number(new URL(run.url).port), random, counts);
    run.worker("honest");
    await run.waitForWorker("honest");
    const far = keepWorker(run, middle.url);
    outcome = await run.outcome();
    middle.close();
    await far;
  }
  process.stdout.write(
    `man in the middle: ${counts.messages} messages, ${counts.flips} bytes flipped, ${rounds} runs of ${runs.steps} steps, ${outcome}\n`,
  );
  return outcome === "result unchanged";
}
