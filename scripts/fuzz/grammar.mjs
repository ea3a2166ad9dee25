// Generates valid messages of every kind, and damages them: fields, types, lengths, bytes, order, declared lengths.
import { sizeOf } from "../../dist/shared/network/network.js";
import { encodeFrame, sealFrame } from "../../dist/shared/protocol/frame.js";
import { PROTOCOL_VERSION } from "../../dist/shared/protocol/messages.js";
import { configParts } from "../../dist/shared/protocol/payloads/config.js";
import { sentTensors } from "../../dist/shared/protocol/payloads/state.js";
import { stateGroupCount } from "../../dist/shared/replica/state-layout.js";
import { layouts } from "../faults/decoders.mjs";
import { SHARD_SAMPLES } from "../faults/small-config.mjs";
import { Bombs } from "./bombs.mjs";
import { Configurations, define } from "./configurations.mjs";
import { BOUNDARY_VALUES, ODD_VALUES } from "./values.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */
/** @typedef {import("../../dist/shared/run-layout.js").RunLayout} RunLayout */
/** @typedef {import("../../dist/shared/network/network.js").ParameterSpec} ParameterSpec */
/** @typedef {[Record<string, unknown>, ArrayBufferView[]]} Message */

const FROM_COORDINATOR = [
  ...["welcome", "state", "update", "factors"],
  ...["shard", "merged", "evaluate", "moments", "end"],
  ...["cancel", "digest"],
];

export class Grammar {
  /** @param {Random} random */
  constructor(random) {
    this.random = random;
    this.bombs = new Bombs(random);
    this.valid = layouts.flatMap((layout) => validMessages(layout, random));
    this.fromCoordinator = this.valid.filter(([{ type }]) =>
      FROM_COORDINATOR.includes(String(type)),
    );
    this.configurations = new Configurations(random);
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  any(list) {
    return /** @type {T} */ (list[this.random.below(list.length)]);
  }

  /** A bomb or a damaged message. @param {readonly Message[]} [from] @returns {Uint8Array} */
  message(from = this.valid) {
    const { random } = this;
    if (random.below(4) === 0) return this.bombs.message(this.any(from)[0]);
    if (random.below(4) === 0) return this.welcome(this.configurations.part());
    return this.damagedMessage(from);
  }

  /** A welcome with the given configuration, otherwise valid. @param {Uint8Array} configuration @returns {Uint8Array} */
  welcome(configuration) {
    const broadcast = this.any(["weights", "updates"]);
    const header = { type: "welcome", protocol: PROTOCOL_VERSION, name: "w", broadcast };
    return encodeFrame(header, [configuration]);
  }

  /** @param {readonly Message[]} [from] @returns {Uint8Array} */
  damagedMessage(from = this.valid) {
    const { random } = this;
    const [header, parts] = this.any(from);
    let changed = header;
    for (let changes = random.below(3); changes > 0; changes--) changed = this.spoilField(changed);
    let some = parts;
    if (random.below(4) === 0) some = parts.slice(random.below(parts.length + 1));
    if (random.below(6) === 0) some = [...some, floats(random, random.below(9))];
    let bytes = Uint8Array.from(encodeFrame(changed, some));
    for (let edits = random.below(4); edits > 0; edits--) bytes = this.editBytes(bytes);
    // An attacker computes a valid checksum; transmission errors do not.
    return bytes.length >= 8 && random.below(4) > 0 ? sealFrame(bytes) : bytes;
  }

  /**
   * Returns the header with one field, at any depth, removed, added or changed.
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
    else define(changed, key, value);
    return changed;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes @returns {Uint8Array<ArrayBuffer>} */
  editBytes(bytes) {
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
        // The header, which matters most.
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

/**
 * The messages that only relays send or receive.
 * @param {RunLayout} layout
 * @param {(parameters: readonly ParameterSpec[], rows: number) => Float32Array[]} gradientParts
 * @param {Float32Array[]} statistics parts
 * @returns {Message[]}
 */
function relayMessages({ buckets, factored }, gradientParts, statistics) {
  const answer = { task: 1, step: 2, shard: 0, summed: true };
  const computed = { from: 1, to: 3 };
  const last = buckets.length - 1;
  /** @param {number} bucket */
  const factors = (bucket) =>
    gradientParts(
      (buckets[bucket] ?? []).filter(({ name }) => factored.has(name)),
      SHARD_SAMPLES,
    );
  return [
    ...buckets.map((parameters, bucket) => {
      const dense = parameters.filter(({ name }) => !factored.has(name));
      const header = { type: "sum", step: 2, bucket, from: 0, count: 1 + (bucket % 2) };
      return /** @type {Message} */ ([header, gradientParts(dense, SHARD_SAMPLES)]);
    }),
    [{ type: "gradients", ...answer, bucket: 0 }, factors(0)],
    [{ type: "result", ...answer, loss: 0.5, computed }, [...factors(last), ...statistics]],
    [{ type: "capacity", tasks: 3 }, []],
    [{ type: "returned", task: 1 }, []],
    [{ type: "unusable", task: 1 }, []],
    [{ type: "state-request" }, []],
    [{ type: "cancel", task: 1 }, []],
  ];
}

/** Every message of a run, from both sides. @param {RunLayout} layout @param {Random} random @returns {Message[]} */
function validMessages(layout, random) {
  const { network, factored, buckets, config, barriers } = layout;
  const some = (/** @type {number} */ count) => floats(random, count);
  /** @param {readonly ParameterSpec[]} parameters @param {number} rows of the factors */
  const gradientParts = (parameters, rows) =>
    parameters.flatMap(({ name, shape }) => {
      return factored.has(name) ? shape.map((side) => some(rows * side)) : [some(sizeOf(shape))];
    });
  const statisticsParts = () =>
    network.statistics
      .filter(({ trainable }) => trainable)
      .flatMap(({ channels }) => [some(channels), some(channels)]);
  const stateParts = (/** @type {number} */ group) =>
    sentTensors(layout, "weights-only", group).map(({ shape }) => some(sizeOf(shape)));

  const { inputType, target } = config.data;
  const inputCount = SHARD_SAMPLES * sizeOf(network.inputShape);
  const isOfClasses = target.kind === "classes";
  const samples = [
    inputType === "uint8" ? new Uint8Array(inputCount).fill(9) : some(inputCount),
    isOfClasses ? Int32Array.of(0, 1) : some(SHARD_SAMPLES * target.count),
  ];
  const predictions = isOfClasses ? Int32Array.of(1, 2) : some(SHARD_SAMPLES * target.count);
  const answer = { task: 1, step: 2, shard: 0 };
  const computed = { from: 1, to: 3, waited: 1 };
  const protocol = PROTOCOL_VERSION;
  const last = buckets.length - 1;
  const update = { type: "update", step: 3, own: [], relayed: [], wantsDigest: false };
  return [
    [{ type: "hello", protocol, name: "worker", kind: "node" }, []],
    [{ type: "hello", protocol, name: "relay", kind: "relay" }, []],
    [{ type: "ready", numerics: config.numerics }, []],
    ...relayMessages(layout, gradientParts, statisticsParts()),
    ...buckets.slice(0, last).map((parameters, bucket) => {
      const parts = gradientParts(parameters, SHARD_SAMPLES);
      return /** @type {Message} */ ([{ type: "gradients", ...answer, bucket }, parts]);
    }),
    [
      { type: "result", ...answer, loss: 0.5, computed },
      [...gradientParts(buckets[last] ?? [], SHARD_SAMPLES), ...statisticsParts()],
    ],
    ...barriers.map(({ channels }, barrier) => {
      return /** @type {Message} */ ([
        { type: "barrier", ...answer, barrier },
        [some(2 * channels)],
      ]);
    }),
    [{ type: "evaluated", task: 1, lossSum: 3, computed }, [predictions]],
    [{ type: "measured", task: 1, computed }, statisticsParts().slice(0, 2)],
    [{ type: "digest", step: 100, weights: 12345 }, []],
    [{ type: "goodbye" }, []],
    [{ type: "welcome", protocol, name: "w", broadcast: "weights" }, configParts(config)],
    ...Array.from({ length: stateGroupCount(layout) }, (_, group) => {
      const header = { type: "state", step: 3, group, tailChecksum: 0 };
      return /** @type {Message} */ ([header, stateParts(group)]);
    }),
    [{ type: "state", step: 3, group: 1, tailChecksum: 0, tail: [4096, 12] }, stateParts(1)],
    ...buckets.map((parameters, bucket) => {
      const own = parameters.filter(({ name }) => factored.has(name));
      const header = { type: "factors", step: 2, shard: 1, bucket };
      return /** @type {Message} */ ([header, gradientParts(own, SHARD_SAMPLES)]);
    }),
    // The factors' rows of all shards.
    [update, [...gradientParts(buckets.flat(), config.batchSize), ...statisticsParts()]],
    [{ type: "shard", ...answer, first: 0, count: SHARD_SAMPLES }, samples],
    ...barriers.map(({ channels }, barrier) => {
      return /** @type {Message} */ ([{ type: "merged", step: 2, barrier }, [some(2 * channels)]]);
    }),
    [{ type: "evaluate", task: 1, step: 2, count: SHARD_SAMPLES }, samples],
    [
      { type: "evaluate", task: 1, step: 2, count: SHARD_SAMPLES, population: true },
      [...samples, ...statisticsParts()],
    ],
    [
      { type: "moments", task: 1, step: 2, pass: 1, count: SHARD_SAMPLES },
      [...samples, ...statisticsParts().slice(0, 2)],
    ],
    [{ type: "end", reason: "finished" }, []],
  ];
}
