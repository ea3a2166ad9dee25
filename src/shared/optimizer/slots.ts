// The tensors that an optimizer keeps per trainable parameter. They start at zero. Pure.
import type { StepRule } from "./optimizer.js";

/** The prefixes of the slots' names in a checkpoint. */
export function slotNames(optimizer: StepRule): readonly string[] {
  switch (optimizer.kind) {
    case "sgd":
      return [];
    case "momentum":
      return ["momentum"];
    case "adam":
      return ["adam/m", "adam/v"];
    case "rmsprop":
      return ["rmsprop"];
  }
}

/** The names of one parameter's slots, in the order of `slotNames`. */
export function slotsOf(optimizer: StepRule, parameter: string): string[] {
  return slotNames(optimizer).map((prefix) => `${prefix}/${parameter}`);
}
