// A network's outputs for one sample → what is predicted. Pure.
import type { RunConfig } from "../shared/config.js";

/** What a network says about one sample. */
export interface Prediction {
  file: string;
  /** Its number in a file of several, from 1. */
  row?: number;
  /** The class of the highest probability, where the network classifies. */
  class?: number;
  /** The class's name, where the data had names. */
  label?: string;
  probability?: number;
  /** Of each class. */
  probabilities?: number[];
  /** The classes of the highest probabilities, at most three. */
  top?: NamedProbability[];
  /** The outputs, where they are no probabilities of classes. */
  values?: number[];
}

export interface NamedProbability {
  class: number;
  label?: string;
  probability: number;
}

const TOP_COUNT = 3;

/** @param outputs probabilities where the loss is one of classes, else what the network predicts */
export function interpretOutputs(
  outputs: readonly number[],
  { data, loss }: Pick<RunConfig, "data" | "loss">,
): Omit<Prediction, "file" | "row"> {
  if (data.target.kind === "values") return { values: [...outputs] };
  const isOne = outputs.length === 1;
  const areProbabilities =
    loss.kind === "softmax-cross-entropy" || loss.kind === "binary-cross-entropy";
  if (!areProbabilities) {
    // As evaluation has it: one output is class 1 above 0.
    const best = isOne ? Number(outputs[0]! > 0) : indexOfMaximum(outputs);
    return { ...named(best, data), values: [...outputs] };
  }
  const probabilities = isOne ? [1 - outputs[0]!, outputs[0]!] : [...outputs];
  // Stable: the first of equal ones is the prediction, as in evaluation.
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

/** The first of equal ones. */
function indexOfMaximum(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);
}
