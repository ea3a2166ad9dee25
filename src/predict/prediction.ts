// A network's outputs for one sample → a prediction. Pure.
import type { RunConfig } from "../shared/config.js";

/** A network's prediction for one sample. */
export interface Prediction {
  file: string;
  /** The sample's number in a file of several, from 1. */
  row?: number;
  /** The most probable class, if the network is a classifier. */
  class?: number;
  /** The class's name, if the training data had class names. */
  label?: string;
  probability?: number;
  /** One per class. */
  probabilities?: number[];
  /** The most probable classes, at most three. */
  top?: NamedProbability[];
  /** The outputs, if they are not class probabilities. */
  values?: number[];
}

export interface NamedProbability {
  class: number;
  label?: string;
  probability: number;
}

const TOP_COUNT = 3;

/** @param outputs class probabilities if the loss is a cross-entropy, otherwise the network's output values */
export function interpretOutputs(
  outputs: readonly number[],
  { data, loss }: Pick<RunConfig, "data" | "loss">,
): Omit<Prediction, "file" | "row"> {
  if (data.target.kind === "values") return { values: [...outputs] };
  const isOne = outputs.length === 1;
  const areProbabilities =
    loss.kind === "softmax-cross-entropy" || loss.kind === "binary-cross-entropy";
  if (!areProbabilities) {
    // As in evaluation: a single output above 0 means class 1.
    const best = isOne ? Number(outputs[0]! > 0) : indexOfMaximum(outputs);
    return { ...named(best, data), values: [...outputs] };
  }
  const probabilities = isOne ? [1 - outputs[0]!, outputs[0]!] : [...outputs];
  // The sort is stable: of equal probabilities the first is the prediction, as in evaluation.
  const top = probabilities
    .map((probability, index) => ({ ...named(index, data), probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, TOP_COUNT);
  return { ...top[0]!, probabilities, top };
}

function named(best: number, { classNames }: RunConfig["data"]) {
  const label = classNames?.[best];
  return { class: best, ...(label === undefined ? {} : { label }) };
}

/** Of equal maxima, the first. */
function indexOfMaximum(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);
}
