// Weights to start from in place of drawn ones (`--initial`): those of a checkpoint, or of a Keras model.json.
import { createHash } from "node:crypto";
import { extname } from "node:path";
import { readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { TandemError } from "../shared/errors.js";
import { formatShape, quote } from "../shared/network/problem.js";
import type { NetworkSpec } from "../shared/network/spec.js";
import type { NamedTensor } from "../shared/replica/tensors.js";
import { stateLayout } from "../shared/replica/state-layout.js";
import { layoutOfRun, type RunLayout } from "../shared/run-layout.js";
import { readKerasWeights } from "./keras-weights.js";

export interface InitialWeights {
  /** For messages. */
  file: string;
  /** That they were trained in. */
  network: NetworkSpec;
  /** Under Tandem's names: parameters and population statistics. */
  tensors: readonly NamedTensor[];
  /** SHA-256 of names, shapes and values. */
  digest: string;
}

/** In a message. */
const MAX_LISTED = 8;

/** @throws TandemError with exit code 2, naming the file */
export function readInitialWeights(file: string): InitialWeights {
  if (extname(file) === ".json") {
    const { network, tensors } = readKerasWeights(file);
    return { file, network, tensors, digest: digestOf(tensors) };
  }
  const { config, tensors } = readCheckpoint(file);
  const names = new Set(stateLayout(layoutOfRun(config), "weights-only").map(({ name }) => name));
  const weights = tensors.filter(({ name }) => names.has(name));
  return { file, network: config.network, tensors: weights, digest: digestOf(weights) };
}

/**
 * The weights as the network's own tensors, in its order.
 * @throws TandemError `initial-weights`, naming the layer, where they are not one for one the network's
 */
export function fitInitialWeights(
  { file, tensors }: InitialWeights,
  layout: RunLayout,
): NamedTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const own = stateLayout(layout, "weights-only");
  const missing = own.filter(({ name }) => !byName.has(name)).map(({ name }) => name);
  const ownNames = new Set(own.map(({ name }) => name));
  const foreign = [...byName.keys()].filter((name) => !ownNames.has(name));
  if (missing.length > 0) {
    throw refusal(
      file,
      `it lacks ${list(missing)}${foreign.length === 0 ? "" : `; it has ${list(foreign)}`}. Give weights of a network with the same layer names.`,
    );
  }
  if (foreign.length > 0) {
    throw refusal(
      file,
      `it has ${list(foreign)}, which the network lacks. Give weights of the same network.`,
    );
  }
  return own.map(({ name, shape }) => {
    const tensor = byName.get(name)!;
    if (formatShape(tensor.shape) !== formatShape(shape)) {
      throw refusal(
        file,
        `${name} of the layer ${quote(layerOf(name))} is ${formatShape(tensor.shape)}, and the network has ${formatShape(shape)}.`,
      );
    }
    return tensor;
  });
}

function list(names: readonly string[]): string {
  const listed = names.slice(0, MAX_LISTED).map(quote).join(", ");
  return names.length > MAX_LISTED ? `${listed} and ${names.length - MAX_LISTED} more` : listed;
}

function layerOf(name: string): string {
  return name.slice(0, name.lastIndexOf("/"));
}

function digestOf(tensors: readonly NamedTensor[]): string {
  const hash = createHash("sha256");
  for (const { name, shape, values } of tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(JSON.stringify({ name, shape }));
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex");
}

function refusal(file: string, sentence: string): TandemError {
  return new TandemError("initial-weights", `The weights in ${file} do not fit: ${sentence}`);
}
