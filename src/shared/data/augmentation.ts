// Augmentation: training images are shifted, flipped, rotated, scaled and partly covered, differently in each epoch. The
// transformation of a sample is a function of the seed and its position in the run, so it does not depend on the shards or the
// workers. Uses only + − × ÷ and rounding, which give the same bits in every JavaScript engine. Pure.
import * as z from "zod";
import { philox } from "../philox.js";
import { type Samples } from "./samples.js";

/** With larger values, little of an image would be left. */
const MAX_SCALE = 0.9;
const MAX_PIXELS = 1024;
const MAX_DEGREES = 180;

const pixels = z.number().int().min(1).max(MAX_PIXELS);

export const augmentationSchema = z
  .strictObject({
    /** By −n to n pixels in each direction. */
    shift: pixels.optional(),
    /** Half of the images are flipped horizontally. */
    flip: z.literal(true).optional(),
    /** By −n to n degrees. */
    rotate: z.number().positive().max(MAX_DEGREES).optional(),
    /** By a factor from 1 − x to 1 + x. */
    scale: z.number().positive().max(MAX_SCALE).optional(),
    /**
     * A square of n × n pixels around a random pixel is set to 0 (DeVries and Taylor, "Improved regularization of
     * convolutional neural networks with cutout", 2017).
     */
    cutout: pixels.optional(),
  })
  .refine((spec) => Object.keys(spec).length > 0, { error: "it augments nothing" });

/** The largest transformations of training images. Those that are missing are not applied. */
export type AugmentationSpec = z.infer<typeof augmentationSchema>;

const KINDS = Object.keys(augmentationSchema.shape) as (keyof AugmentationSpec)[];

/** For example `shift=2,flip`. */
export function augmentationText(spec: AugmentationSpec): string {
  const given = KINDS.filter((kind) => spec[kind] !== undefined);
  return given.map((kind) => (kind === "flip" ? kind : `${kind}=${spec[kind]}`)).join(",");
}

/** @returns undefined if the text is invalid, such as `shift=two` or `shear=3` */
export function parseAugmentation(text: string): AugmentationSpec | undefined {
  const parts = text.split(",").map((part) => part.trim().split("="));
  const entries = parts.map(([kind, value, ...rest]) => [
    kind,
    kind === "flip" && value === undefined ? true : rest.length > 0 ? NaN : parseNumber(value),
  ]);
  if (new Set(parts.map(([kind]) => kind)).size < parts.length) return undefined;
  return augmentationSchema.safeParse(Object.fromEntries(entries)).data;
}

function parseNumber(text = ""): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
}

/** The position of samples in the run. */
export interface AugmentationPlace {
  /** The run's. */
  seed: number;
  /** The number of samples that the run trains on before the first of these, including earlier epochs. */
  place: number;
}

/**
 * Augments the images of some samples.
 * @param shape of one image: [height, width, channels]
 * @returns the same targets, and new inputs of the same type
 */
export function augmentSamples(
  { count, inputs, targets }: Samples,
  shape: readonly number[],
  spec: AugmentationSpec,
  { seed, place }: AugmentationPlace,
): Samples {
  const [height, width, channels] = shape;
  if (height === undefined || width === undefined || channels === undefined) {
    throw new RangeError("augmentation of samples that are not images");
  }
  const size = height * width * channels;
  const augmented = inputs instanceof Float32Array ? inputs.slice() : Uint8Array.from(inputs);
  for (let sample = 0; sample < count; sample++) {
    const from = sample * size;
    const draws = drawNumbers(seed, place + sample);
    const target = augmented.subarray(from, from + size);
    const map = inverseMap(spec, draws, height, width);
    if (map) resample(inputs.subarray(from, from + size), target, map, [height, width, channels]);
    if (spec.cutout) coverSquare(target, spec.cutout, draws, [height, width, channels]);
  }
  return { count, inputs: augmented, targets };
}

const WORD = 2 ** 32;
/** Separates these numbers from those of dropout masks, whose last word is a hash of a name: "augm" in ASCII. */
const STREAM = 0x6175676d;

/** The random numbers of a sample, each from 0 to below 1. */
interface Draws {
  shiftX: number;
  shiftY: number;
  flip: number;
  angle: number;
  scale: number;
  coverX: number;
  coverY: number;
}

function drawNumbers(seed: number, place: number): Draws {
  const draw = (block: number) => {
    const words = Uint32Array.of(block, place % WORD, Math.floor(place / WORD), STREAM);
    philox(words, seed % WORD, Math.floor(seed / WORD));
    return Array.from(words, (word) => word / WORD) as [number, number, number, number];
  };
  // Each kind has its own numbers, so that it does not depend on the others.
  const [shiftX, shiftY, flip, angle] = draw(0);
  const [scale, coverX, coverY] = draw(1);
  return { shiftX, shiftY, flip, angle, scale, coverX, coverY };
}

/** Maps a pixel of the new image to its position in the old one: x' = xx·x + xy·y + x0, y' = yx·x + yy·y + y0. */
interface InverseMap {
  xx: number;
  xy: number;
  x0: number;
  yx: number;
  yy: number;
  y0: number;
}

/** Undefined for the identity. */
function inverseMap(
  { shift = 0, flip, rotate, scale }: AugmentationSpec,
  draws: Draws,
  height: number,
  width: number,
): InverseMap | undefined {
  const shiftX = integerBetween(-shift, shift, draws.shiftX);
  const shiftY = integerBetween(-shift, shift, draws.shiftY);
  const isFlipped = flip === true && draws.flip < 0.5;
  if (!rotate && !scale && !isFlipped && shiftX === 0 && shiftY === 0) return undefined;
  const radians = rotate ? (between(-rotate, rotate, draws.angle) * PI) / MAX_DEGREES : 0;
  const factor = scale ? between(1 - scale, 1 + scale, draws.scale) : 1;
  const [cos, sin] = [cosine(radians) / factor, sine(radians) / factor];
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const [fromX, fromY] = [middleX + shiftX, middleY + shiftY];
  // An image is flipped first, then rotated and scaled around its center, then shifted. This is the inverse.
  const side = isFlipped ? -1 : 1;
  return {
    xx: side * cos,
    xy: side * sin,
    x0: middleX - side * (cos * fromX + sin * fromY),
    yx: -sin,
    yy: cos,
    y0: middleY + sin * fromX - cos * fromY,
  };
}

function between(low: number, high: number, draw: number): number {
  return low + (high - low) * draw;
}

function integerBetween(low: number, high: number, draw: number): number {
  return low + Math.floor((high - low + 1) * draw);
}

type ImageShape = readonly [height: number, width: number, channels: number];

/** Bilinear interpolation. Beyond the image's border, its outermost pixels are repeated. */
function resample(
  source: Uint8Array | Float32Array,
  target: Uint8Array | Float32Array,
  { xx, xy, x0, yx, yy, y0 }: InverseMap,
  [height, width, channels]: ImageShape,
): void {
  const rounding = target instanceof Uint8Array ? 0.5 : 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sourceX = clamp(xx * x + xy * y + x0, width - 1);
      const sourceY = clamp(yx * x + yy * y + y0, height - 1);
      const [left, top] = [Math.floor(sourceX), Math.floor(sourceY)];
      const [toRight, toBottom] = [sourceX - left, sourceY - top];
      const upper = (top * width + left) * channels;
      const right = toRight > 0 ? channels : 0;
      const lower = upper + (toBottom > 0 ? width * channels : 0);
      const at = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel++) {
        const inUpper = mix(source[upper + channel]!, source[upper + right + channel]!, toRight);
        const inLower = mix(source[lower + channel]!, source[lower + right + channel]!, toRight);
        // Storing it as a byte truncates.
        target[at + channel] = mix(inUpper, inLower, toBottom) + rounding;
      }
    }
  }
}

function mix(first: number, second: number, share: number): number {
  return first + (second - first) * share;
}

function clamp(value: number, highest: number): number {
  return value < 0 ? 0 : value > highest ? highest : value;
}

function coverSquare(
  target: Uint8Array | Float32Array,
  side: number,
  { coverX, coverY }: Draws,
  [height, width, channels]: ImageShape,
): void {
  const left = integerBetween(0, width - 1, coverX) - Math.floor(side / 2);
  const top = integerBetween(0, height - 1, coverY) - Math.floor(side / 2);
  const [from, to] = [Math.max(left, 0), Math.min(left + side, width)];
  for (let y = Math.max(top, 0); y < Math.min(top + side, height); y++) {
    target.fill(0, (y * width + from) * channels, (y * width + to) * channels);
  }
}

const PI = 3.141592653589793;
/** Terms of the series. For angles up to π the next one is below 2⁻⁵³. */
const TERMS = 14;

/** x − x³/3! + x⁵/5! …: Math.sin may differ between JavaScript engines in the last bit. */
function sine(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < TERMS; n++) {
    term *= (-x * x) / (2 * n * (2 * n + 1));
    sum += term;
  }
  return sum;
}

function cosine(x: number): number {
  let [term, sum] = [1, 1];
  for (let n = 1; n < TERMS; n++) {
    term *= (-x * x) / (2 * n * (2 * n - 1));
    sum += term;
  }
  return sum;
}
