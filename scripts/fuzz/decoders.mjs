// Runs damaged messages and allocation bombs through both decoders in this process. A find is an input that makes a decoder throw
// anything but a FrameError, allocate much more memory than the input has bytes, or take too long.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { runDecoders } from "../faults/decoders.mjs";
import { Grammar } from "./grammar.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */

const MAX_MS = 50;
/** Additional time for large inputs: a configuration of a megabyte that consists of short keys takes half a second to parse. */
const MAX_MS_PER_BYTE = 2000 / 2 ** 20;
/** Beyond the input's own bytes; leaves room for the network's description and for garbage of earlier inputs. */
const MAX_ALLOCATED_BYTES = 32 * 1024 * 1024;

function allocatedBytes() {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

/**
 * @param {Uint8Array} bytes
 * @returns {{outcome: "taken" | "refused", fault?: undefined} | {fault: string}}
 */
function judge(bytes) {
  const before = allocatedBytes();
  const startMs = cpuMs();
  let outcome;
  try {
    outcome = runDecoders(bytes);
  } catch (error) {
    return { fault: error instanceof Error ? String(error.stack) : String(error) };
  }
  const ms = cpuMs() - startMs;
  const allocated = allocatedBytes() - before;
  if (allocated > MAX_ALLOCATED_BYTES) return { fault: `${allocated} bytes allocated` };
  if (ms > maxMs(bytes) && isSlow(bytes)) return { fault: `${ms} ms` };
  return { outcome };
}

/** @param {Uint8Array} bytes */
function maxMs({ byteLength }) {
  return MAX_MS + byteLength * MAX_MS_PER_BYTE;
}

/** Processor time, because wall time depends on the machine's other load. */
function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Whether the input is slow every time, and not just once because of a garbage collection. @param {Uint8Array} bytes */
function isSlow(bytes) {
  return [1, 2, 3, 4, 5].every(() => {
    const startMs = cpuMs();
    runDecoders(bytes);
    return cpuMs() - startMs > maxMs(bytes);
  });
}

/**
 * @param {Random} random
 * @param {number} inputs
 * @param {string} findsFolder
 * @param {string} seed names the finds
 * @returns {boolean} whether there were no finds
 */
export function fuzzDecoders(random, inputs, findsFolder, seed) {
  const grammar = new Grammar(random);
  const counts = { taken: 0, refused: 0 };
  let finds = 0;
  let early = 0;
  for (let index = 0; index < inputs; index++) {
    const bytes = grammar.message();
    const judged = judge(bytes);
    if (judged.fault === undefined) counts[judged.outcome]++;
    else {
      finds++;
      mkdirSync(findsFolder, { recursive: true });
      writeFileSync(join(findsFolder, `${seed}-${index}.bin`), bytes);
      process.stderr.write(`find ${index}: ${judged.fault}\n`);
    }
    if (index === Math.floor(inputs / 2)) early = process.memoryUsage().rss;
  }
  const growth = (process.memoryUsage().rss - early) / 1e6;
  process.stdout.write(
    `decoders: ${inputs} inputs, ${counts.taken} valid, ${counts.refused} refused, ${finds} finds, resident memory ${growth.toFixed(0)} MB more than at half the inputs\n`,
  );
  return finds === 0;
}
