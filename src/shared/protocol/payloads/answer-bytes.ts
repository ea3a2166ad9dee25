// The largest answer that a worker may send. Coordinators accept no more. Pure.
import { MAX_EVALUATION_SAMPLES } from "../../evaluation.js";
import { sizeOf } from "../../network/network.js";
import type { RunLayout } from "../../run-layout.js";
import { barrierBytes } from "./barrier.js";
import { evaluationBytes } from "./evaluation.js";

/** Bytes of the parts of all messages that answer one task, at most. */
export function maxAnswerBytes(layout: RunLayout): number {
  const evaluation = evaluationBytes(layout, MAX_EVALUATION_SAMPLES);
  return Math.max(shardResultBytes(layout), evaluation);
}

function shardResultBytes({ network, factored, largestShard, barriers }: RunLayout): number {
  let floats = 0;
  for (const { name, shape } of network.parameters) {
    const [inputs = 0, outputs = 0] = shape;
    floats += factored.has(name) ? largestShard * (inputs + outputs) : sizeOf(shape);
  }
  for (const { channels } of network.statistics) floats += 2 * channels;
  const contributionBytes = barriers.reduce((bytes, barrier) => bytes + barrierBytes(barrier), 0);
  return 4 * floats + contributionBytes;
}
