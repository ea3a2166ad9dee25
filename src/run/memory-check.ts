// Refuses runs that need more memory than this machine has, by a lower bound. Limits for networks on any machine are in
// network/limits.ts.
import { totalmem } from "node:os";
import { TandemError } from "../shared/errors.js";
import { type Network, type ParameterSpec, sizeOf } from "../shared/network/network.js";
import { quote } from "../shared/network/problem.js";
import { slotNames } from "../shared/optimizer/slots.js";
import { activationBytes, heldSamples, parameterBytes } from "../shared/replica/memory.js";
import type { RunLayout } from "../shared/run-layout.js";

/**
 * @param computesHere whether shards are computed on this machine
 * @throws TandemError `too-large`, naming the largest layer
 */
export function checkMemory(
  layout: RunLayout,
  computesHere: boolean,
  memoryBytes = availableBytes(),
): void {
  const { network, config } = layout;
  // The engine's state, and the copy that is written to the checkpoint.
  const stateBytes = 2 * (1 + slotNames(config.optimizer).length) * parameterBytes(network);
  const largest = largestParameter(network);
  if (largest && stateBytes > memoryBytes) {
    throw new TandemError(
      "too-large",
      `Training the network needs at least ${gigabytes(stateBytes)}, most of it for the layer ${quote(layerOf(largest))}; this machine has ${gigabytes(memoryBytes)}. Make the layer or its input smaller.`,
    );
  }
  if (!computesHere) return;
  const sampleCount = heldSamples(layout);
  const shardBytes = sampleCount * activationBytes(network);
  const synchronised = layout.barriers.length > 0;
  if (stateBytes + shardBytes <= memoryBytes) return;
  throw new TandemError(
    "too-large",
    `${synchronised ? `A batch of ${sampleCount} samples, whose shards wait for each other,` : `A shard of ${sampleCount} samples`} needs at least ${gigabytes(shardBytes)}, most of it for the output of the layer ${quote(largestResult(network))}; this machine has ${gigabytes(memoryBytes)}. Give a smaller --batch-size${synchronised ? "" : " or more --shards"}.`,
  );
}

/** Memory of the machine, or of the container if that has less. */
function availableBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function largestParameter({ parameters }: Network): ParameterSpec | undefined {
  return parameters.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape))[0];
}

function layerOf({ name }: ParameterSpec): string {
  return name.slice(0, name.lastIndexOf("/"));
}

function largestResult({ layers }: Network): string {
  return layers.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape))[0]!.name;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
