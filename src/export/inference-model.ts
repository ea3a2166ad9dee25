// What all export formats are made of: a checkpoint's network with its weights, what goes into it and what comes out. Pure.
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import type { TableSpec } from "../shared/data/table.js";
import type { LossKind } from "../shared/graph/graph.js";
import { isLastLayerSkipped } from "../shared/graph/loss.js";
import { buildNetwork } from "../shared/network/build.js";
import type { Network } from "../shared/network/network.js";

/** How a network's last values become probabilities; `none` where it does not classify. */
export type OutputKind = "softmax" | "sigmoid" | "none";

export interface InferenceModel {
  network: Network;
  loss: LossKind;
  output: OutputKind;
  /** Whether the network's last layer is that softmax or sigmoid. Else it is added. */
  endsWithOutput: boolean;
  /** Pixels: inputs are values from 0 to 255, which the model scales to 0 to 1 by itself. */
  takesPixels: boolean;
  /** By their names in a checkpoint: parameters and population statistics. */
  weights: ReadonlyMap<string, Float32Array>;
  classNames: readonly string[] | undefined;
  /** How a row of the table that was trained on becomes an input: whoever uses the model encodes rows so. */
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

/** @throws RangeError where the model has no tensor of this name */
export function weightOf({ weights }: InferenceModel, name: string): Float32Array {
  const values = weights.get(name);
  if (!values) throw new RangeError(`no tensor ${name}`);
  return values;
}

function outputOf({ kind }: LossKind): OutputKind {
  if (kind === "softmax-cross-entropy") return "softmax";
  return kind === "binary-cross-entropy" ? "sigmoid" : "none";
}
