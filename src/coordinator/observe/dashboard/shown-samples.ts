// Test samples as the page shows them: pictures as bytes, scaled down if large, or rows of values. Pure.
import type { Samples } from "../../../shared/data/samples.js";
import { sizeOf } from "../../../shared/network/network.js";
import type { RunDescription } from "../run-description.js";
import type { InputColumns } from "./input-columns.js";
import { packBytes } from "./packed.js";
import type { PictureShape, ShownSample } from "./page-update.js";

/** Of the longer side of a picture as it is sent. Larger ones are averaged over squares of pixels. */
const MAX_SIDE = 64;
/** Of all pictures in an update together: the larger they are, the fewer are shown. */
const MAX_PICTURE_BYTES = 256 * 1024;
const MAX_PICTURES = 200;
const MAX_ROWS = 100;
/** The range of float32 pictures is that of the test set's first samples, so that it does not change during a run. */
const RANGE_SAMPLES = 256;
/** Ranges to which programs commonly scale pixels. */
const USUAL_RANGES: readonly Range[] = [
  [0, 1],
  [-1, 1],
  [0, 255],
];

type Range = readonly [min: number, max: number];

/** A place in the test set: the batch, and the sample's row in it. */
export interface SamplePlace {
  batch: Samples;
  row: number;
  /** In the test set. */
  index: number;
}

export class ShownSamples {
  /** Shape of a picture as it is sent; undefined if the inputs are not pictures. */
  readonly picture: PictureShape | undefined;
  private readonly shape: PictureShape | undefined;
  private readonly columns: InputColumns;
  private readonly range: Range;

  /** @param samples the test set, batch by batch */
  constructor(
    { inputShape, inputType }: RunDescription,
    columns: InputColumns,
    samples: readonly Samples[],
  ) {
    this.shape = pictureShapeOf(inputShape);
    this.picture = this.shape && reducedShape(this.shape);
    this.columns = columns;
    this.range = inputType === "float32" && this.shape ? rangeOf(samples) : [0, 255];
  }

  /** How many fit into an update. */
  get maxCount(): number {
    if (!this.picture) return MAX_ROWS;
    return Math.min(MAX_PICTURES, Math.floor(MAX_PICTURE_BYTES / sizeOfPicture(this.picture)));
  }

  /** Names of a row's cells; undefined if samples are pictures. */
  get columnNames(): string[] | undefined {
    return this.picture ? undefined : this.columns.names;
  }

  show({ batch, row, index }: SamplePlace): ShownSample {
    const size = batch.inputs.length / batch.count;
    const values = batch.inputs.subarray(row * size, (row + 1) * size);
    const { shape, picture } = this;
    if (!shape || !picture) return { index, row: this.columns.rowOf(values) };
    return { index, pixels: packBytes(this.toBytes(reducePicture(values, shape, picture))) };
  }

  /** Scales the range to 0 … 255; values outside it are clipped. */
  private toBytes(values: ArrayLike<number>): Uint8Array {
    const [min, max] = this.range;
    const scaled = Uint8ClampedArray.from(values, (value) => (255 * (value - min)) / (max - min));
    return new Uint8Array(scaled.buffer);
  }
}

/** False for the later batches of a large test set. */
export function hasInputs({ inputs }: Samples): boolean {
  return inputs.length > 0;
}

/** @returns undefined if the inputs are not grey or RGB pictures */
export function pictureShapeOf(inputShape: readonly number[]): PictureShape | undefined {
  const [height, width, channels] = inputShape;
  if (height === undefined || width === undefined) return undefined;
  return channels === 1 || channels === 3 ? { height, width, channels } : undefined;
}

function sizeOfPicture({ height, width, channels }: PictureShape): number {
  return sizeOf([height, width, channels]);
}

function reducedShape({ height, width, channels }: PictureShape): PictureShape {
  const factor = reductionOf({ height, width });
  return { height: Math.ceil(height / factor), width: Math.ceil(width / factor), channels };
}

function reductionOf({ height, width }: { height: number; width: number }): number {
  return Math.max(1, Math.ceil(Math.max(height, width) / MAX_SIDE));
}

/** Means over squares of pixels; at the right and lower edges they may be smaller. */
function reducePicture(
  values: ArrayLike<number>,
  shape: PictureShape,
  reduced: PictureShape,
): ArrayLike<number> {
  const factor = reductionOf(shape);
  if (factor === 1) return values;
  const { height, width, channels } = shape;
  const sums = new Float64Array(sizeOfPicture(reduced));
  for (let y = 0; y < height; y++) {
    const share = Math.min(factor, height - factor * Math.floor(y / factor));
    for (let x = 0; x < width; x++) {
      const area = share * Math.min(factor, width - factor * Math.floor(x / factor));
      const to = Math.floor(y / factor) * reduced.width + Math.floor(x / factor);
      for (let channel = 0; channel < channels; channel++) {
        sums[to * channels + channel]! += values[(y * width + x) * channels + channel]! / area;
      }
    }
  }
  return sums;
}

/** The first of the usual ranges that contains all values, otherwise from the smallest value to the largest. */
function rangeOf(samples: readonly Samples[]): Range {
  let [min, max] = [Infinity, -Infinity];
  let left = RANGE_SAMPLES;
  for (const { count, inputs } of samples) {
    const size = inputs.length / count;
    for (const value of inputs.subarray(0, Math.max(0, left) * size)) {
      if (!Number.isFinite(value)) continue;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
    left -= count;
  }
  const usual = USUAL_RANGES.find(([least, most]) => min >= least && max <= most);
  return usual ?? [min, max > min ? max : min + 1];
}
