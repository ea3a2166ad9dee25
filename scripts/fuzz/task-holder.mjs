// A worker that joins a live run, computes correct answers, and damages them in every way that the grammar knows.
import { setTimeout as delay } from "node:timers/promises";
import { frameOf, joinRun, waitForClose } from "../faults/peer.mjs";
import { Grammar } from "./grammar.mjs";
import { randomAddress, residentMb } from "./live-run.mjs";
import { BOUNDARY_VALUES } from "./values.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */
/** @typedef {import("../faults/peer.mjs").Reply} Reply */
/** @typedef {Uint8Array | "close"} Outgoing */

const HONEST_ANSWERS_BEFORE = 4;

/** The answers of one connection: first some correct ones, then damaged ones; earlier answers can be repeated. */
class SpoiledAnswers {
  /** @param {Grammar} grammar @param {Record<string, number>} counts changes by kind */
  constructor(grammar, counts) {
    this.grammar = grammar;
    this.counts = counts;
    this.honestLeft = grammar.random.below(HONEST_ANSWERS_BEFORE);
    /** @type {Uint8Array[]} */
    this.sent = [];
    /** A bucket that is sent after the next one. @type {Uint8Array | undefined} */
    this.held = undefined;
  }

  /** @param {Reply} reply @returns {Outgoing[]} */
  next(reply) {
    const bytes = frameOf(reply.message, reply.parts);
    const held = this.held;
    this.held = undefined;
    if (held) return [bytes, held];
    if (this.honestLeft-- > 0) {
      this.sent.push(bytes);
      return [bytes];
    }
    const ways = Object.entries(this.ways(reply, bytes));
    const [name, spoil] = this.grammar.any(ways);
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    return spoil();
  }

  /**
   * None of these replaces a finite number by another one, which only another worker's answer could detect.
   * @param {Reply} reply @param {Uint8Array} bytes
   * @returns {Record<string, () => Outgoing[]>}
   */
  ways({ message, parts }, bytes) {
    const { grammar } = this;
    const { random } = grammar;
    const withMessage = (/** @type {Record<string, unknown>} */ changed) => [
      frameOf(changed, parts),
    ];
    return {
      "a field at a boundary": () => {
        const key = grammar.any(Object.keys(message));
        return withMessage({ ...message, [key]: grammar.any(BOUNDARY_VALUES) });
      },
      "timings at a boundary": () => {
        const computed = { from: grammar.any(BOUNDARY_VALUES), to: grammar.any(BOUNDARY_VALUES) };
        return withMessage({ ...message, computed });
      },
      "timings backwards": () => withMessage({ ...message, computed: { from: 9, to: 4 } }),
      "a field gone, added or of another type": () => withMessage(grammar.spoilField(message)),
      "another's task": () => {
        const away = random.below(2) === 0 ? -1 - random.below(5) : 1 + random.below(5);
        return withMessage({ ...message, task: Math.max(0, Number(message["task"]) + away) });
      },
      twice: () => [bytes, bytes],
      never: () => [],
      "cut off": () => ["close"],
      "buckets in the wrong order": () => {
        this.held = bytes;
        return [];
      },
      "a bucket that does not exist": () => withMessage({ ...message, bucket: 2 ** 31 }),
      "old answers": () => [...this.sent.map((old) => Uint8Array.from(old)), bytes],
      "a part missing": () => [frameOf(message, parts.slice(1))],
      "parts in another order": () => [frameOf(message, [...parts].reverse())],
      "a number that is not finite": () => {
        const spoiled = parts.map((part) => new Float32Array(floatsOf(part)));
        const part = grammar.any(spoiled);
        part[random.below(part.length)] = grammar.any([NaN, Infinity, -Infinity]);
        return [frameOf(message, spoiled)];
      },
      "bytes damaged": () => [grammar.editBytes(Uint8Array.from(bytes))],
      "a bomb": () => [grammar.bombs.message(message)],
      "any message": () => [grammar.message(), bytes],
      "a flood": () => Array.from({ length: 200 }, () => bytes),
    };
  }
}

/** @param {ArrayBufferView} part */
function floatsOf({ buffer, byteOffset, byteLength }) {
  return new Float32Array(buffer, byteOffset, Math.floor(byteLength / 4));
}

/**
 * @param {import("./live-run.mjs").Runs} runs
 * @param {Random} random
 * @param {number} answers minimum number of damaged answers; runs are repeated until it is reached
 */
export async function fuzzAnswers(runs, random, answers) {
  const grammar = new Grammar(random);
  /** @type {Record<string, number>} */
  const counts = {};
  /** @type {{runtime?: import("../../dist/worker/worker-runtime.js").WorkerRuntime}} */
  const holder = {};
  const spoiled = () => Object.values(counts).reduce((total, count) => total + count, 0);
  let outcome = "result unchanged";
  let peakMb = 0;
  for (let round = 0; spoiled() < answers && outcome === "result unchanged"; round++) {
    const run = await runs.coordinator(3);
    run.worker("first");
    run.worker("second");
    let peers = 0;
    while (!run.isOver) {
      const change = new SpoiledAnswers(grammar, counts);
      const socket = await joinRun(run.url, {
        name: `holder-${peers++}`,
        localAddress: randomAddress(random),
        holder,
        change: (reply) => change.next(reply),
      }).catch(() => undefined);
      peakMb = Math.max(peakMb, residentMb(run.command.child.pid, "VmHWM") || 0);
      if (!socket) {
        await delay(50);
        continue;
      }
      // A worker that the coordinator does not disconnect leaves after a short time, with the tasks that it still holds.
      const timer = setTimeout(() => socket.terminate(), 200 + random.below(400));
      await waitForClose(socket);
      clearTimeout(timer);
    }
    outcome = await run.outcome();
  }
  const kinds = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  process.stdout.write(
    `answers: ${spoiled()} spoiled (${kinds.join(", ")}), resident memory of the coordinator at most ${peakMb.toFixed(0)} MB, ${outcome}\n`,
  );
  return outcome === "result unchanged";
}
