// What a Keras layer becomes, and what readers of several layers share. Pure.
import type { LayerSpec } from "../spec.js";
import type { Options } from "./options.js";

/** One of the layers that a Keras layer becomes, in a row. Its name is the Keras layer's and the suffix. */
export interface LayerPart {
  suffix: string;
  layer: LayerSpec;
}

export function single(layer: LayerSpec): LayerPart[] {
  return [{ suffix: "", layer }];
}

export function expectChannelsLast(options: Options): void {
  options.expect("data_format", ["channels_last"]);
}
