// Many workers in one process that compute nothing: each answers every task with a precomputed gradient, immediately or after a
// delay, over its own socket. What remains of a step is the work of coordinator and relays, and the transfer.
//   node ready-made.mjs URL[,URL…] COUNT FROM TO [COMPUTE_MS] [NAME]
// With several URLs (of relays), the workers are divided equally among them. COMPUTE_MS: delay of each answer. At the end of the run,
// prints the bytes sent up and down per worker and step, between the tasks of steps FROM and TO.
import { WebSocket } from "ws";
import { FrameReader } from "../../dist/shared/protocol/channel.js";
import { encodeFrame } from "../../dist/shared/protocol/frame.js";
import { parseFromCoordinator, PROTOCOL_VERSION } from "../../dist/shared/protocol/messages.js";
import { readConfig } from "../../dist/shared/protocol/payloads/config.js";
import { ReadyMadeAnswers } from "./ready-made-answers.mjs";

const [list = "", ...rest] = process.argv.slice(2);
const urls = list.split(",");
const [count = 1, from = 0, to = 1, computeMs = 0] = rest.slice(0, 4).map(Number);
const namePrefix = rest[4] ?? "ready-made";

/** Shared by all workers. @type {ReadyMadeAnswers | undefined} */
let answers;

/** Memory for tails of states, by length. The content is not used, so all workers share it. @type {Map<number, Uint8Array>} */
const places = new Map();

/** @param {number} length */
function placeOf(length) {
  const place = places.get(length) ?? new Uint8Array(length);
  places.set(length, place);
  return place;
}

let open = 0;
const bytes = { up: 0, down: 0 };

/** Consecutive workers get the same relay, so that each relay has consecutive shards if workers join in order. @param {number} number */
function urlOf(number) {
  return urls[Math.floor(((number - 1) * urls.length) / count)] ?? "";
}

/** @param {number} number */
function join(number) {
  const socket = new WebSocket(urlOf(number), {
    perMessageDeflate: false,
    maxPayload: 2 ** 31,
    generateMask: (mask) => void mask.fill(0),
  });
  const reader = new FrameReader((_header, lengths) => lengths.map(placeOf));
  /** @param {object} header @param {ArrayBufferView[]} [parts] */
  const send = (header, parts) => socket.send(encodeFrame(header, parts));
  /** @type {{bytesRead: number, bytesWritten: number} | undefined} */
  let stream;

  /** @param {{task: number, step: number, shard: number}} shard */
  const answer = ({ task, step, shard }) => {
    const own = answers?.of(shard, step);
    if (!own || socket.readyState !== socket.OPEN) return;
    const now = performance.now();
    const computed = { from: now - computeMs, to: now };
    own.buckets.forEach((parts, bucket) => {
      send({ type: "gradients", task, step, shard, bucket }, parts);
    });
    send({ type: "result", task, step, shard, loss: 0.1, computed }, own.result);
  };

  socket.on("upgrade", (response) => (stream = response.socket));
  socket.on("open", () => {
    open++;
    const name = `${namePrefix}-${number}`;
    send({ type: "hello", protocol: PROTOCOL_VERSION, name, kind: "node" });
  });
  socket.on("message", (/** @type {Buffer} */ data) => {
    const frame = reader.read(data);
    if (!frame) return;
    const message = parseFromCoordinator(frame);
    switch (message.type) {
      case "welcome": {
        const config = readConfig(frame.parts);
        answers ??= new ReadyMadeAnswers(config);
        // It computes nothing, so its numerics cannot differ.
        send({ type: "ready", numerics: config.numerics });
        return;
      }
      case "shard": {
        const { step } = message;
        const sign = step === to ? 1 : step === from ? -1 : 0;
        bytes.up += sign * (stream?.bytesWritten ?? 0);
        bytes.down += sign * (stream?.bytesRead ?? 0);
        if (computeMs > 0) setTimeout(answer, computeMs, message);
        else answer(message);
        return;
      }
      case "evaluate": {
        const now = performance.now();
        const computed = { from: now, to: now };
        send({ type: "evaluated", task: message.task, lossSum: 1, computed }, [
          new Int32Array(message.count),
        ]);
        return;
      }
      default:
    }
  });
  socket.on("close", () => {
    if (--open > 0) return;
    const each = (/** @type {number} */ total) => total / count / (to - from);
    process.stdout.write(`${JSON.stringify({ up: each(bytes.up), down: each(bytes.down) })}\n`);
  });
}

for (let number = 1; number <= count; number++) join(number);
