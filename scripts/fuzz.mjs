// Damaged messages, made from valid ones by a small grammar, against both decoders and against a live coordinator.
//   node scripts/fuzz.mjs [--inputs 1000000] [--connections 40000] [--seed 1] [--finds FOLDER]
// An input that makes a decoder throw anything but a FrameError is written to the folder of finds (test/fuzz/finds), from
// where the tests take it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { isFactored, sizeOf } from "../dist/shared/model/network.js";
import { stateLayout } from "../dist/shared/model/state-layout.js";
import { encodeFrame } from "../dist/shared/protocol/frame.js";
import { PROTOCOL_VERSION } from "../dist/shared/protocol/messages.js";
import { checksumOf } from "../dist/shared/protocol/payload.js";
import { Random } from "../dist/shared/random.js";
import { LARGEST, network, throughDecoders } from "./faults/decoders.mjs";
import { Command, digestOf, ROOT } from "./faults/processes.mjs";

const { values: options } = parseArgs({
  options: {
    inputs: { type: "string", default: "1000000" },
    connections: { type: "string", default: "40000" },
    seed: { type: "string", default: "1" },
    finds: { type: "string", default: join(ROOT, "test/fuzz/finds") },
  },
});
const random = new Random(Number(options.seed), "fuzz");

/** @template T @param {readonly T[]} list @returns {T} */
function any(list) {
  return /** @type {T} */ (list[random.below(list.length)]);
}

const floats = (/** @type {number} */ count) =>
  Float32Array.from({ length: count }, () => random.uniform());
const gradientParts = (/** @type {"classifier" | "features"} */ half) =>
  network.parameters.flatMap((parameter) => {
    const { shape } = parameter;
    if (parameter.half !== half) return [];
    if (isFactored(parameter, LARGEST)) return shape.map((side) => floats(LARGEST * side));
    return [floats(sizeOf(shape))];
  });
const classifierParts = gradientParts("classifier");
const resultParts = [
  ...gradientParts("features"),
  ...network.statistics.flatMap(({ channels }) => [floats(channels), floats(channels)]),
];
const factorParts = network.parameters.flatMap((parameter) => {
  const [a = 1, b = 1] = parameter.shape;
  return isFactored(parameter, LARGEST) ? [floats(LARGEST * a), floats(LARGEST * b)] : [];
});
/** The factors of two shards where a result has those of one. */
const updateParts = [
  ...network.parameters.flatMap((parameter) => {
    const { shape } = parameter;
    const [a = 1, b = 1] = shape;
    if (!isFactored(parameter, LARGEST)) return [floats(sizeOf(shape))];
    return [0, 1].flatMap(() => [floats(LARGEST * a), floats(LARGEST * b)]);
  }),
  ...network.statistics.flatMap(({ channels }) => [floats(channels), floats(channels)]),
];
const stateParts = (/** @type {"classifier" | "features"} */ half) =>
  stateLayout(network, "weights-only", [half]).map(({ shape }) => floats(sizeOf(shape)));
const samples = [new Uint8Array(8).fill(9), new Uint8Array([0, 1])];
const config = {
  model: "cnn",
  seed: 1,
  batchSize: 4,
  shards: 2,
  learningRate: 1e-4,
  threads: 1,
  validationSize: 0,
  data: { height: 2, width: 2, classes: 3, digest: "a".repeat(64) },
};

/** Valid messages of every kind: where the grammar starts. @type {[Record<string, unknown>, ArrayBufferView[]][]} */
const valid = [
  [{ type: "hello", protocol: PROTOCOL_VERSION, name: "worker" }, []],
  [{ type: "ready" }, []],
  [
    {
      type: "result",
      task: 1,
      step: 2,
      shard: 0,
      loss: 0.5,
      checksum: checksumOf(resultParts),
      computed: { from: 1, to: 3 },
    },
    resultParts,
  ],
  [
    { type: "evaluated", task: 1, lossSum: 3, computed: { from: 1, to: 3 } },
    [new Uint8Array([1, 2])],
  ],
  [
    { type: "classifier", task: 1, step: 2, shard: 0, checksum: checksumOf(classifierParts) },
    classifierParts,
  ],
  [{ type: "factors", step: 2, shard: 1 }, factorParts],
  [{ type: "digest", step: 100, weights: 12345 }, []],
  [{ type: "goodbye" }, []],
  [{ type: "welcome", protocol: PROTOCOL_VERSION, name: "w", config, broadcast: "weights" }, []],
  [{ type: "state", step: 3, half: "features" }, stateParts("features")],
  [{ type: "state", step: 3, half: "classifier" }, stateParts("classifier")],
  [{ type: "state", step: 3, half: "classifier", tail: [4096, 12] }, stateParts("classifier")],
  [{ type: "update", step: 3, own: [], relayed: [], wantsDigest: false }, updateParts],
  [{ type: "shard", task: 1, step: 2, shard: 0, count: 2 }, samples],
  [{ type: "evaluate", task: 1, step: 2, count: 2 }, samples],
  [{ type: "end", reason: "finished" }, []],
];

const oddValues = [
  ...[null, undefined, true, -1, 0, 1.5, 1e308, -1e308, NaN, Infinity, 2 ** 53, 2 ** 31, 2n ** 63n],
  ...[
    "",
    "x".repeat(300),
    "__proto__",
    [],
    [[[[]]]],
    {},
    { a: { b: {} } },
    new Uint8Array(3),
    new Date(0),
  ],
  ...[new Map([[1, 2]]), new Set([1]), /x/, new Error("e")],
];

/** @returns {Uint8Array} */
function damaged() {
  const [header, parts] = any(valid);
  const changed = { ...header };
  for (let changes = random.below(3); changes > 0; changes--) {
    const keys = [...Object.keys(changed), "parts", "__proto__", "constructor", "extra"];
    const key = any(keys);
    if (random.below(3) === 0) delete changed[key];
    else
      Object.defineProperty(changed, key, {
        value: any(oddValues),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  let some = parts;
  if (random.below(4) === 0) some = parts.slice(random.below(parts.length + 1));
  if (random.below(6) === 0) some = [...some, floats(random.below(9))];
  let bytes = Uint8Array.from(encodeFrame(changed, some));
  for (let edits = random.below(4); edits > 0; edits--) bytes = edited(bytes);
  return bytes;
}

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {Uint8Array<ArrayBuffer>} */
function edited(bytes) {
  const place = random.below(Math.max(1, bytes.length));
  switch (random.below(6)) {
    case 0:
      bytes[place] = (bytes[place] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      return bytes.slice(0, place);
    case 2:
      return new Uint8Array(Buffer.concat([bytes, bytes.subarray(place)]));
    case 3:
      if (bytes.length >= 4) new DataView(bytes.buffer).setUint32(0, random.uint32(), true);
      return bytes;
    case 4:
      for (let at = place; at < Math.min(bytes.length, place + 16); at++)
        bytes[at] = random.below(256);
      return bytes;
    default:
      // Where the header is, most is decided.
      bytes[random.below(Math.min(64, Math.max(1, bytes.length)))] = any([
        0, 1, 0x7f, 0x80, 0xc1, 0xd9, 0xdf, 0xff,
      ]);
      return bytes;
  }
}

function fuzzDecoders() {
  const inputs = Number(options.inputs);
  const counts = { taken: 0, refused: 0 };
  let finds = 0;
  let early = 0;
  for (let index = 0; index < inputs; index++) {
    const bytes = damaged();
    try {
      counts[throughDecoders(bytes)]++;
    } catch (error) {
      finds++;
      mkdirSync(options.finds, { recursive: true });
      writeFileSync(join(options.finds, `${options.seed}-${index}.bin`), bytes);
      process.stderr.write(`find ${index}: ${error instanceof Error ? error.stack : error}\n`);
    }
    if (index === Math.floor(inputs / 2)) early = process.memoryUsage().rss;
  }
  const growth = (process.memoryUsage().rss - early) / 1e6;
  const { taken, refused } = counts;
  process.stdout.write(
    `decoders: ${inputs} inputs, ${taken} valid, ${refused} refused, ${finds} finds, resident memory ${growth.toFixed(0)} MB more than half-way\n`,
  );
  return finds === 0;
}

/** One connection that sends up to three damaged messages. @param {string} url */
function visit(url) {
  return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const timer = setTimeout(() => socket.terminate(), 100);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on("open", () => {
      if (random.below(2) === 0)
        socket.send(
          encodeFrame({ type: "hello", protocol: PROTOCOL_VERSION, name: `f${random.below(50)}` }),
        );
      for (let messages = 1 + random.below(3); messages > 0; messages--) {
        socket.send(damaged(), { binary: random.below(20) !== 0 });
      }
      if (random.below(4) === 0) socket.terminate();
    });
  });
}

/** @param {number} pid */
function residentMb(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function fuzzCoordinator() {
  const connections = Number(options.connections);
  const folder = mkdtempSync(join(tmpdir(), "tandem-fuzz-"));
  const STEPS = 60;
  const training = ["--shards", "2", "--eval-every", "0"];
  const calmFile = join(folder, "calm.safetensors");
  const calm = new Command(["single", ...training, "--steps", `${STEPS}`, "--output", calmFile], {
    cwd: folder,
  });
  await calm.ended;
  // The run waits for its second worker while the connections come.
  const output = join(folder, "fuzzed.safetensors");
  const args = ["coordinator", ...training, "--port", "0", "--json", "--output", output];
  const coordinator = new Command([...args, "--steps", `${STEPS}`, "--min-workers", "2"], {
    cwd: folder,
  });
  const url = await coordinator.url();
  const first = new Command(["worker", url, "--name", "first"], { cwd: folder });
  await coordinator.event((event) => event.event === "worker" && event["name"] === "first");
  const pid = coordinator.child.pid ?? 0;
  let early = 0;
  for (let done = 0; done < connections; done += 50) {
    await Promise.all(Array.from({ length: 50 }, () => visit(url)));
    if (early === 0 && done >= connections / 2) early = residentMb(pid);
  }
  const growth = residentMb(pid) - early;
  const alive = coordinator.isAlive;
  // The second worker lets the run begin; more visitors come while it trains.
  const second = new Command(["worker", url, "--name", "second"], { cwd: folder });
  let isOver = false;
  const ended = coordinator.ended.then((how) => {
    isOver = true;
    return how;
  });
  let during = 0;
  while (!isOver) {
    await Promise.all(Array.from({ length: 20 }, () => visit(url)));
    during += 20;
  }
  const { code } = await ended;
  await Promise.all([first.ended, second.ended]);
  const same = code === 0 && digestOf(output) === digestOf(calmFile);
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(
    `coordinator: ${connections} connections before and ${during} during ${STEPS} steps, ${alive && code === 0 ? "alive" : "NOT alive"}, resident memory ${growth.toFixed(0)} MB more than half-way, result ${same ? "unchanged" : "CHANGED"}\n`,
  );
  return alive && same;
}

const decodersHold = fuzzDecoders();
const coordinatorHolds = Number(options.connections) === 0 || (await fuzzCoordinator());
process.exit(decodersHold && coordinatorHolds ? 0 : 1);
