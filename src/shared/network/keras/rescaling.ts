// Keras's Rescaling layers, which have no weights: scaling pixels is the data's business in Tandem, where a byte stands for
// value/255 (shared/data/samples.ts). Pure.
import { refuseLayer } from "../problem.js";
import type { Options } from "./options.js";

const PIXEL_SCALE = 1 / 255;
/** Relative; a scale may have been stored as float32. */
const TOLERANCE = 1e-6;

/**
 * `identity`: the layer changes nothing, as where TensorFlow.js needs a copy. `pixels`: it makes value/255 of the network's inputs,
 * which Tandem does with bytes.
 * @param takesInput whether the layer comes right behind the network's input
 * @throws TandemError `network` for any other scaling
 */
export function readRescaling(options: Options, takesInput: boolean): "identity" | "pixels" {
  const scale = options.readNumber("scale", 1);
  const offset = options.readNumber("offset", 0);
  options.finish();
  if (scale === 1 && offset === 0) return "identity";
  const isPixelScale = Math.abs(scale / PIXEL_SCALE - 1) < TOLERANCE && offset === 0;
  if (takesInput && isPixelScale) return "pixels";
  return options.refuse(
    `it computes ${scale}·x + ${offset}, and only a first layer that divides pixels by 255 is supported. Scale the data instead.`,
  );
}

/**
 * A network that divides its inputs by 255 is the same as one that takes bytes from Tandem, which has divided them.
 * @param layer the one that does; undefined: none
 * @throws TandemError `network` where the inputs are no bytes
 */
export function checkPixelLayer(layer: string | undefined, inputType: "uint8" | "float32"): void {
  if (layer === undefined || inputType === "uint8") return;
  refuseLayer(
    layer,
    "it divides pixels by 255, as Tandem does with bytes, and the data has float32 inputs, which are used as they are. Remove the layer, and divide the data instead.",
  );
}
