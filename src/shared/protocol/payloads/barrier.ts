// The part of `barrier` and `merged`: two float32 numbers per channel of the barrier's layer (statistics/barrier.ts). Pure.
import { findBarrierProblem } from "../../replica/bounds.js";
import type { RunLayout } from "../../run-layout.js";
import type { Barrier } from "../../statistics/barrier.js";
import { FrameError } from "../frame.js";
import { PartReader } from "./part-reader.js";

export function barrierParts(values: Float32Array): ArrayBufferView[] {
  return [values];
}

/**
 * The values may be NaN or infinite: the coordinator decides whether the worker is to blame or the training has diverged.
 * @throws FrameError if the part does not fit the barrier
 */
export function readContribution(
  layout: Pick<RunLayout, "barriers">,
  barrier: number,
  parts: readonly Uint8Array[],
): Float32Array {
  const { layer, channels } = barrierAt(layout, barrier);
  const reader = new PartReader(parts);
  const values = reader.floats(2 * channels, layer);
  reader.end();
  return values;
}

/** @throws FrameError if the part does not fit the barrier, or a number is not finite or too large */
export function readMerged(
  layout: Pick<RunLayout, "barriers">,
  barrier: number,
  parts: readonly Uint8Array[],
): Float32Array {
  const values = readContribution(layout, barrier, parts);
  const problem = findBarrierProblem(barrierAt(layout, barrier), values);
  if (problem !== undefined) throw new FrameError(problem);
  return values;
}

/** Bytes of the part. */
export function barrierBytes({ channels }: Pick<Barrier, "channels">): number {
  return 2 * 4 * channels;
}

function barrierAt({ barriers }: Pick<RunLayout, "barriers">, barrier: number): Barrier {
  const found = barriers[barrier];
  if (!found) throw new FrameError(`no barrier ${barrier}, the run has ${barriers.length}`);
  return found;
}
