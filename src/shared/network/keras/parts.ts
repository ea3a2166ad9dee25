// Shared by the readers of Keras layers. Pure.
import type { LayerSpec } from "../spec.js";
import type { Options } from "./options.js";

/** One of the layers, in a chain, that a Keras layer is translated into. Its name is the Keras layer's plus the suffix. */
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
