// The common input of all export formats: a checkpoint's network with its weights, and what its inputs and outputs mean. Pure.
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import type { TableSpec } from "../shared/data/table.js";
import type { LossKind } from "../shared/graph/graph.js";
import { isLastLayerSkipped } from "../shared/graph/loss.js";
import { buildNetwork } from "../shared/network/build.js";
import type { Network } from "../shared/network/network.js";

/** How a network's outputs become probabilities; `none` if it is not a classifier. */
export type OutputKind = "softmax" | "sigmoid" | "none";

export interface InferenceModel {
  network: Network;
  loss: LossKind;
  output: OutputKind;
  /** Whether the network's last layer already is that softmax or sigmoid. If not, it is added. */
  endsWithOutput: boolean;
  /** Whether inputs are pixels from 0 to 255, which the model scales to 0 to 1. */
  takesPixels: boolean;
  /** By their names in a checkpoint: parameters and population statistics. */
  weights: ReadonlyMap<string, Float32Array>;
  classNames: readonly string[] | undefined;
  /** If it was trained on a table: how a row becomes an input. Users of the model must encode rows in the same way. */
  table: TableSpec | undefined;
}

/** Pixels are value/255 (shared/data/samples.ts). */
export const PIXEL_SCALE = 1 / 255;

export function inferenceModelOf({ config, tensors }: Checkpoint): InferenceModel {
  const network = buildNetwork(config.network);
  const { loss, data } = config;
  const output = outputOf(loss);
  return {
    network,
    loss,
    output,
    endsWithOutput: isLastLayerSkipped(network, loss),
    takesPixels: data.inputType === "uint8",
    weights: new Map(tensors.map(({ name, values }) => [name, values])),
    classNames: data.classNames,
    table: data.table,
  };
}

/** @throws RangeError if the model has no tensor of this name */
export function weightOf({ weights }: InferenceModel, name: string): Float32Array {
  const values = weights.get(name);
  if (!values) throw new RangeError(`no tensor ${name}`);
  return values;
}

function outputOf({ kind }: LossKind): OutputKind {
  if (kind === "softmax-cross-entropy") return "softmax";
  return kind === "binary-cross-entropy" ? "sigmoid" : "none";
}
