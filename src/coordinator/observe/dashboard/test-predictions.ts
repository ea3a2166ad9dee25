// What was predicted for the test set as a page update: for classes the confusion matrix and pictures of mistakes, for values a
// sample of predicted and true ones. Pure.
import type { Samples } from "../../../shared/data/samples.js";
import type { RunEvent } from "../../../shared/events.js";
import type { RunDescription } from "../run-description.js";
import { packBytes, packFloats, sampleEvenly } from "./packed.js";
import type { PageUpdateOf, PictureShape, WrongSample } from "./page-update.js";

/** A matrix of more classes could not be read. */
export const MAX_CONFUSION_CLASSES = 50;
const MAX_WRONG_SAMPLES = 60;
/** Of all pictures of an update together: fewer large ones are shown. */
const MAX_PICTURE_BYTES = 256 * 1024;
const MAX_SCATTER_SAMPLES = 500;
/** Values per sample that can be chosen from in the scatter plot. */
const MAX_SCATTER_VALUES = 8;

type Predictions = RunEvent & { event: "predictions" };

export function mistakesOf(
  { step, predictions, samples }: Predictions,
  description: RunDescription,
  at: number,
): PageUpdateOf<"mistakes"> {
  const { target } = description;
  const picture = pictureShapeOf(description);
  const maxWrong = picture
    ? Math.min(MAX_WRONG_SAMPLES, Math.floor(MAX_PICTURE_BYTES / bytesOf(picture)))
    : 0;
  const confusion = target.count <= MAX_CONFUSION_CLASSES ? zeroMatrix(target.count) : undefined;
  const wrong: WrongSample[] = [];
  let first = 0;
  samples.forEach((batch, index) => {
    predictions[index]?.forEach((predicted, row) => {
      const label = batch.targets[row]!;
      const counts = confusion?.[label];
      if (counts) counts[predicted] = (counts[predicted] ?? 0) + 1;
      if (predicted === label || wrong.length >= maxWrong || batch.inputs.length === 0) return;
      wrong.push({ index: first + row, label, predicted, pixels: packBytes(pixelsOf(batch, row)) });
    });
    first += batch.count;
  });
  return {
    kind: "mistakes",
    at,
    step,
    testCount: first,
    ...(confusion ? { confusion } : {}),
    ...(picture ? { picture } : {}),
    wrong,
  };
}

export function scatterOf(
  { step, predictions, samples }: Predictions,
  { loss, target }: RunDescription,
  at: number,
): PageUpdateOf<"scatter"> {
  const valueCount = Math.min(target.count, MAX_SCATTER_VALUES);
  // The network ends in logits for this loss.
  const toValue = loss === "binary-cross-entropy" ? sigmoid : (value: number) => value;
  const rows = samples.flatMap(({ count, targets }, index) => {
    const outputs = predictions[index] ?? [];
    const size = outputs.length / count;
    return Array.from({ length: count }, (_, row) => ({
      targets: targets.subarray(row * target.count, row * target.count + valueCount),
      predictions: outputs.slice(row * size, row * size + valueCount),
    }));
  });
  const shown = sampleEvenly(rows, MAX_SCATTER_SAMPLES);
  return {
    kind: "scatter",
    at,
    step,
    valueCount,
    targets: packFloats(shown.flatMap((row) => [...row.targets])),
    predictions: packFloats(shown.flatMap((row) => [...row.predictions].map(toValue))),
  };
}

/** @returns undefined where the inputs are no grey or RGB pictures, or too large ones */
export function pictureShapeOf({ inputShape }: RunDescription): PictureShape | undefined {
  const [height, width, channels] = inputShape;
  if (height === undefined || width === undefined) return undefined;
  if (channels !== 1 && channels !== 3) return undefined;
  const picture = { height, width, channels };
  return bytesOf(picture) <= MAX_PICTURE_BYTES ? picture : undefined;
}

function bytesOf({ height, width, channels }: PictureShape): number {
  return height * width * channels;
}

/** Float32 inputs are scaled, so that the smallest value becomes 0 and the largest 255. */
function pixelsOf({ count, inputs }: Samples, row: number): Uint8Array {
  const size = inputs.length / count;
  const values = inputs.subarray(row * size, (row + 1) * size);
  if (values instanceof Uint8Array) return values;
  const finite = values.filter(Number.isFinite);
  const min = finite.reduce((least, value) => Math.min(least, value), Infinity);
  const max = finite.reduce((most, value) => Math.max(most, value), -Infinity);
  return Uint8Array.from(values, (value) => Math.round((255 * (value - min)) / (max - min || 1)));
}

function zeroMatrix(size: number): number[][] {
  return Array.from({ length: size }, () => new Array<number>(size).fill(0));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
