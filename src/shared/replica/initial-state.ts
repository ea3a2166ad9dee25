// The state that a run starts from: loaded or drawn weights, and slots of zeros. Pure.
import { sizeOf } from "../network/network.js";
import type { RunLayout } from "../run-layout.js";
import { stateLayout } from "./state-layout.js";
import type { NamedTensor } from "./tensors.js";

/** Adds the state's missing tensors, the optimizer's slots, as zeros. */
export function withEmptySlots(layout: RunLayout, tensors: readonly NamedTensor[]): NamedTensor[] {
  const names = new Set(tensors.map(({ name }) => name));
  const missing = stateLayout(layout, "with-slots").filter(({ name }) => !names.has(name));
  const slots = missing.map((tensor) => {
    return { ...tensor, values: new Float32Array(sizeOf(tensor.shape)) };
  });
  return [...tensors, ...slots];
}
