// Many workers in one process that compute nothing: each answers every task at once with a gradient made beforehand, over a
// socket of its own. What is left of a step is the coordinator and the wire.
// node ready-made.mjs URL[,URL…] COUNT FROM TO      prints, when the run ends, the bytes that went up and down per worker and step,
// between the tasks of steps FROM and TO. Several addresses, of relays, get as many of the workers each
import { WebSocket } from "ws";
import { sizeOf, trainedStatistics } from "../../dist/shared/network/network.js";
import { FrameReader } from "../../dist/shared/protocol/channel.js";
import { encodeFrame } from "../../dist/shared/protocol/frame.js";
import { parseFromCoordinator, PROTOCOL_VERSION } from "../../dist/shared/protocol/messages.js";
import { readConfig } from "../../dist/shared/protocol/payloads/config.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";

/** @typedef {import("../../dist/shared/config.js").RunConfig} RunConfig */

const [list = "", ...numbers] = process.argv.slice(2);
const urls = list.split(",");
const [count = 1, from = 0, to = 1] = numbers.map(Number);

/**
 * An answer to a shard: the parts of `gradients` for each bucket but the last, and those of `result`.
 * @typedef {{buckets: Float32Array[][], result: Float32Array[]}} ReadyMade
 */

/** By samples in the shard. @type {Map<number, ReadyMade>} */
const answers = new Map();

/** @param {RunConfig} config */
function prepare(config) {
  if (answers.size > 0) return;
  const layout = layoutOfRun(config);
  const small = (/** @type {number} */ length) => new Float32Array(length).fill(1e-6);
  const moments = trainedStatistics(layout.network).flatMap(({ channels }) => [
    small(channels),
    small(channels),
  ]);
  for (const samples of new Set(layout.shardSizes)) {
    const gradients = layout.buckets.map((parameters) =>
      parameters.flatMap(({ name, shape }) => {
        return layout.factored.has(name)
          ? shape.map((side) => small(samples * side))
          : [small(sizeOf(shape))];
      }),
    );
    const buckets = gradients.slice(0, -1);
    answers.set(samples, { buckets, result: [...(gradients.at(-1) ?? []), ...moments] });
  }
}

/** Where a state's tail is written: of no use to anyone here, so all workers share it. @type {Map<number, Uint8Array>} */
const places = new Map();

/** @param {number} length */
function placeOf(length) {
  const place = places.get(length) ?? new Uint8Array(length);
  places.set(length, place);
  return place;
}

let open = 0;
const bytes = { up: 0, down: 0 };

/** @param {number} number */
function join(number) {
  const socket = new WebSocket(urls[(number - 1) % urls.length] ?? "", {
    perMessageDeflate: false,
    maxPayload: 2 ** 31,
    generateMask: (mask) => void mask.fill(0),
  });
  const reader = new FrameReader((_header, lengths) => lengths.map(placeOf));
  /** @param {object} header @param {Float32Array[]} [parts] */
  const send = (header, parts) => socket.send(encodeFrame(header, parts));
  /** @type {{bytesRead: number, bytesWritten: number} | undefined} */
  let stream;
  socket.on("upgrade", (response) => (stream = response.socket));
  socket.on("open", () => {
    open++;
    send({ type: "hello", protocol: PROTOCOL_VERSION, name: `ready-made-${number}`, kind: "node" });
  });
  socket.on("message", (/** @type {Buffer} */ data) => {
    const frame = reader.take(data);
    if (!frame) return;
    const message = parseFromCoordinator(frame);
    const now = performance.now();
    const computed = { from: now, to: now };
    switch (message.type) {
      case "welcome": {
        const config = readConfig(frame.parts);
        prepare(config);
        // It computes nothing, so that nothing can differ.
        send({ type: "ready", numerics: config.numerics });
        return;
      }
      case "shard": {
        const { task, step, shard } = message;
        const sign = step === to ? 1 : step === from ? -1 : 0;
        bytes.up += sign * (stream?.bytesWritten ?? 0);
        bytes.down += sign * (stream?.bytesRead ?? 0);
        const answer = answers.get(message.count);
        if (!answer) throw new RangeError("a shard of another size");
        answer.buckets.forEach((parts, bucket) => {
          send({ type: "gradients", task, step, shard, bucket }, parts);
        });
        send({ type: "result", task, step, shard, loss: 0.1, computed }, answer.result);
        return;
      }
      case "evaluate":
        socket.send(
          encodeFrame({ type: "evaluated", task: message.task, lossSum: 1, computed }, [
            new Int32Array(message.count),
          ]),
        );
        return;
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
