// Valid messages of every kind, and how they are damaged: fields, types, lengths, bytes, order, declared lengths.
import { isFactored, sizeOf } from "../../dist/shared/model/network.js";
import { stateLayout } from "../../dist/shared/model/state-layout.js";
import { encodeFrame, sealFrame } from "../../dist/shared/protocol/frame.js";
import { PROTOCOL_VERSION } from "../../dist/shared/protocol/messages.js";
import { LARGEST, network } from "../faults/decoders.mjs";
import { Bombs } from "./bombs.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */
/** @typedef {[Record<string, unknown>, ArrayBufferView[]]} Message */

const NUMBERS = [
  ...[-1, -0, 0, 0.5, 1.5, 255, 256, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1],
  ...[2 ** 53, 2 ** 63, 1e308, -1e308, 5e-324, NaN, Infinity, -Infinity],
];
/** What a field may be given, and MessagePack can carry. @type {unknown[]} */
export const BOUNDARY_VALUES = [
  ...NUMBERS,
  ...[
    null,
    true,
    false,
    "",
    "7",
    "x".repeat(300),
    "\u001b[2J\n",
    "__proto__",
    [],
    {},
    [-1],
    [[[[]]]],
  ],
  ...[{ from: 9, to: 4 }, { from: NaN, to: 1 }, { from: -1e308, to: 1e308 }, { a: { b: {} } }],
];
/** Beyond those, values of JavaScript's own. */
const ODD_VALUES = /** @type {unknown[]} */ ([
  ...[undefined, 2n ** 63n, new Uint8Array(3), new Date(0), new Map([[1, 2]]), new Set([1])],
  ...[/x/, new Error("e")],
]);

export const config = {
  model: "cnn",
  seed: 1,
  batchSize: 4,
  shards: 2,
  learningRate: 1e-4,
  threads: 1,
  validationSize: 0,
  data: { height: 2, width: 2, classes: 3, digest: "a".repeat(64) },
};

export class Grammar {
  /** @param {Random} random */
  constructor(random) {
    this.random = random;
    this.bombs = new Bombs(random);
    /** Where the grammar starts. */
    this.valid = validMessages(random);
    this.fromCoordinator = this.valid.filter(([{ type }]) =>
      ["welcome", "state", "update", "factors", "shard", "evaluate", "end"].includes(String(type)),
    );
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  any(list) {
    return /** @type {T} */ (list[this.random.below(list.length)]);
  }

  /** A bomb or a damaged message. @param {readonly Message[]} [from] @returns {Uint8Array} */
  message(from = this.valid) {
    if (this.random.below(4) === 0) return this.bombs.message(this.any(from)[0]);
    return this.damaged(from);
  }

  /** @param {readonly Message[]} [from] @returns {Uint8Array} */
  damaged(from = this.valid) {
    const { random } = this;
    const [header, parts] = this.any(from);
    let changed = header;
    for (let changes = random.below(3); changes > 0; changes--) changed = this.spoilField(changed);
    let some = parts;
    if (random.below(4) === 0) some = parts.slice(random.below(parts.length + 1));
    if (random.below(6) === 0) some = [...some, floats(random, random.below(9))];
    let bytes = Uint8Array.from(encodeFrame(changed, some));
    for (let edits = random.below(4); edits > 0; edits--) bytes = this.edited(bytes);
    // Whoever means harm gets the checksum right; the network does not.
    return bytes.length >= 8 && random.below(4) > 0 ? sealFrame(bytes) : bytes;
  }

  /**
   * The header with one field, at any depth, removed, added or of another value.
   * @param {Record<string, unknown>} header
   * @returns {Record<string, unknown>}
   */
  spoilField(header) {
    const { random } = this;
    const changed = { ...header };
    const key = this.any([
      ...Object.keys(header),
      "parts",
      "tail",
      "__proto__",
      "constructor",
      "extra",
    ]);
    const inner = header[key];
    /** @type {unknown} */
    let value = this.any(random.below(3) === 0 ? ODD_VALUES : BOUNDARY_VALUES);
    if (isMap(inner) && random.below(2) === 0) value = this.spoilField(inner);
    if (random.below(5) === 0) delete changed[key];
    else {
      const property = { value, enumerable: true, configurable: true, writable: true };
      Object.defineProperty(changed, key, property);
    }
    return changed;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes @returns {Uint8Array<ArrayBuffer>} */
  edited(bytes) {
    const { random } = this;
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
        bytes[random.below(Math.min(64, Math.max(1, bytes.length)))] = this.any([
          0, 1, 0x7f, 0x80, 0xc1, 0xd9, 0xdf, 0xff,
        ]);
        return bytes;
    }
  }
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isMap(value) {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

/** @param {Random} random @param {number} count */
function floats(random, count) {
  return Float32Array.from({ length: count }, () => random.uniform());
}

/** @param {Random} random @returns {Message[]} */
function validMessages(random) {
  const some = (/** @type {number} */ count) => floats(random, count);
  const gradientParts = (/** @type {"classifier" | "features"} */ half) =>
    network.parameters.flatMap((parameter) => {
      const { shape } = parameter;
      if (parameter.half !== half) return [];
      if (isFactored(parameter, LARGEST)) return shape.map((side) => some(LARGEST * side));
      return [some(sizeOf(shape))];
    });
  const statisticsParts = () =>
    network.statistics.flatMap(({ channels }) => [some(channels), some(channels)]);
  const classifierParts = gradientParts("classifier");
  const resultParts = [...gradientParts("features"), ...statisticsParts()];
  const factorParts = network.parameters.flatMap((parameter) => {
    const [a = 1, b = 1] = parameter.shape;
    return isFactored(parameter, LARGEST) ? [some(LARGEST * a), some(LARGEST * b)] : [];
  });
  /** The factors' rows of two shards where a result has those of one. */
  const updateParts = network.parameters.flatMap((parameter) => {
    const [a = 1, b = 1] = parameter.shape;
    if (!isFactored(parameter, LARGEST)) return [some(sizeOf(parameter.shape))];
    return [some(2 * LARGEST * a), some(2 * LARGEST * b)];
  });
  const stateParts = (/** @type {"classifier" | "features"} */ half) =>
    stateLayout(network, "weights-only", [half]).map(({ shape }) => some(sizeOf(shape)));
  const samples = [new Uint8Array(8).fill(9), new Uint8Array([0, 1])];
  const answer = { task: 1, step: 2, shard: 0 };
  const computed = { from: 1, to: 3 };
  const protocol = PROTOCOL_VERSION;
  const tail = [4096, 12];
  return [
    [{ type: "hello", protocol, name: "worker" }, []],
    [{ type: "ready" }, []],
    [{ type: "result", ...answer, loss: 0.5, computed }, resultParts],
    [{ type: "evaluated", task: 1, lossSum: 3, computed }, [new Uint8Array([1, 2])]],
    [{ type: "classifier", ...answer }, classifierParts],
    [{ type: "factors", step: 2, shard: 1 }, factorParts],
    [{ type: "digest", step: 100, weights: 12345 }, []],
    [{ type: "goodbye" }, []],
    [{ type: "welcome", protocol, name: "w", config, broadcast: "weights" }, []],
    [{ type: "state", step: 3, half: "features", tailChecksum: 0 }, stateParts("features")],
    [{ type: "state", step: 3, half: "classifier", tailChecksum: 0 }, stateParts("classifier")],
    [
      { type: "state", step: 3, half: "classifier", tailChecksum: 0, tail },
      stateParts("classifier"),
    ],
    [
      { type: "update", step: 3, own: [], relayed: [], wantsDigest: false },
      [...updateParts, ...statisticsParts()],
    ],
    [{ type: "shard", ...answer, count: 2 }, samples],
    [{ type: "evaluate", task: 1, step: 2, count: 2 }, samples],
    [{ type: "end", reason: "finished" }, []],
  ];
}
