// Chooses the broadcast strategy of a run.
import type { BroadcastKind } from "../../shared/config.js";
import { sizeOf } from "../../shared/network/network.js";
import type { RunLayout } from "../../shared/run-layout.js";
import type { Broadcast } from "./broadcast.js";
import { UpdateBroadcast } from "./update-broadcast.js";
import { WeightsBroadcast } from "./weights-broadcast.js";

/** @param kind the requested strategy; `updates` falls back to `weights` if updates would not be smaller */
export function createBroadcast(kind: BroadcastKind, layout: RunLayout): Broadcast {
  return kind === "updates" && updatesAreSmaller(layout)
    ? new UpdateBroadcast(layout)
    : new WeightsBroadcast(layout);
}

/** False for large batches, whose factors are larger than the weights. */
function updatesAreSmaller({ network, config, factored }: RunLayout): boolean {
  let [updateSize, weightsSize] = [0, 0];
  for (const { name, shape, trainable } of network.parameters) {
    if (!trainable) continue;
    const size = sizeOf(shape);
    const [inputs = 0, outputs = 0] = shape;
    weightsSize += size;
    updateSize += factored.has(name) ? config.batchSize * (inputs + outputs) : size;
  }
  return updateSize < weightsSize;
}
