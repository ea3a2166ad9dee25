// Keras's Rescaling layers. Tandem has no such layer, because it scales bytes to value/255 when it feeds them
// (shared/data/samples.ts). Pure.
import { refuseLayer } from "../problem.js";
import type { Options } from "./options.js";

const PIXEL_SCALE = 1 / 255;
/** Relative: the scale may have been stored as float32. */
const TOLERANCE = 1e-6;

/**
 * `identity`: the layer changes nothing, such as a copy that TensorFlow.js needs. `pixels`: it divides the network's inputs by
 * 255, as Tandem does with bytes.
 * @param takesInput whether the network's input is the layer's input
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
    `it computes ${scale}·x + ${offset}, but only a first layer that divides pixels by 255 is supported. Scale the data instead.`,
  );
}

/**
 * A network that divides its inputs by 255 can only be used with bytes, which Tandem divides by 255 itself.
 * @param layer the layer that divides; undefined: none does
 * @throws TandemError `network` if the inputs are not bytes
 */
export function checkPixelLayer(layer: string | undefined, inputType: "uint8" | "float32"): void {
  if (layer === undefined || inputType === "uint8") return;
  refuseLayer(
    layer,
    "it divides pixels by 255, which Tandem does with bytes, but the data has float32 inputs, which are not scaled. Remove the layer, and divide the data instead.",
  );
}
