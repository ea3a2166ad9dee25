// Initial weights from a file (`--initial`): a checkpoint or a Keras model.json. If the run's network differs from the file's,
// layers are matched by name.
import { createHash } from "node:crypto";
import { extname } from "node:path";
import { readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { TandemError } from "../shared/errors.js";
import { buildNetwork } from "../shared/network/build.js";
import { initialTensors } from "../shared/network/initial-values.js";
import { KerasNames } from "../shared/network/keras/keras-names.js";
import type { Network } from "../shared/network/network.js";
import { formatShape, quote } from "../shared/network/problem.js";
import type { NetworkSpec } from "../shared/network/spec.js";
import { type TensorShape, weightLayout } from "../shared/replica/state-layout.js";
import type { NamedTensor } from "../shared/replica/tensors.js";
import { readKerasWeights } from "./keras-weights.js";

/** All weights and population statistics of one network, read from a file. */
export interface StoredWeights {
  /** For messages. */
  file: string;
  /** The network that they were trained in. */
  network: NetworkSpec;
  /** If a Keras model divides pixels by 255 itself: the name of that layer, which `network` does not include. */
  pixelLayer?: string | undefined;
  /** With Tandem's names. */
  tensors: readonly NamedTensor[];
}

/** What a run starts from. */
export interface InitialState {
  /** Parameters and population statistics of the run's network. */
  tensors: readonly NamedTensor[];
  /** SHA-256 of the names, shapes and values of the tensors that come from the file. */
  digest: string;
  report: InitialReport;
}

/** Where the layers' weights come from. */
export interface InitialReport {
  file: string;
  taken: string[];
  /** The network's layers that are randomly initialized. */
  drawn: string[];
  /** The file's layers that the network does not have. */
  unused: string[];
}

/** Limit for the names listed in a message. */
const MAX_LISTED = 8;

/** @throws TandemError with exit code 2, naming the file and the layer */
export function readInitialWeights(file: string): StoredWeights {
  if (extname(file) === ".json") {
    const { network, pixelLayer, tensors } = readKerasWeights(file);
    checkComplete(file, buildNetwork(network), tensors);
    return { file, network, pixelLayer, tensors };
  }
  const { config, tensors } = readCheckpoint(file);
  const names = new Set(weightLayout(buildNetwork(config.network)).map(({ name }) => name));
  return { file, network: config.network, tensors: tensors.filter(({ name }) => names.has(name)) };
}

/**
 * Matches the file's layers with the network's, by name (or by the name that an export to Keras's formats gives the layer). Their
 * tensors must have the same names and shapes. A layer that the file lacks is randomly initialized, and so is an output layer of
 * another shape, for fine-tuning to other classes.
 * @throws TandemError `initial-weights` if a layer's shapes differ, if a frozen layer would be randomly initialized, and if no
 * layer matches
 */
export function fitInitialWeights(
  { file, tensors }: StoredWeights,
  network: Network,
  seed: number,
): InitialState {
  const own = groupByLayer(weightLayout(network));
  const stored = groupByLayer(restoreNames(tensors, network));
  const outputLayers = findOutputLayers(network);
  const taken: string[] = [];
  const drawn: string[] = [];
  for (const [layer, shapes] of own) {
    const found = stored.get(layer);
    if (found && formatTensors(found) === formatTensors(shapes)) {
      taken.push(layer);
      continue;
    }
    if (found && !outputLayers.has(layer)) {
      throw refusal(
        file,
        `the layer ${quote(layer)} has ${formatTensors(found)} in the file but ${formatTensors(shapes)} in the network. Change the layer, or rename it so that its weights are drawn.`,
      );
    }
    drawn.push(layer);
  }
  if (taken.length === 0) {
    throw refusal(
      file,
      `no layer matches. The file has ${list(stored.keys())}, the network ${list(own.keys())}. Give weights of a network with the same layer names.`,
    );
  }
  const untrained = network.layers.find(
    ({ name, trainable }) => !trainable && drawn.includes(name),
  );
  if (untrained) {
    throw refusal(
      file,
      `the layer ${quote(untrained.name)} is not trained and has no weights in the file. Give the layer the name that it has in the file, or train it.`,
    );
  }
  const isTaken = new Set(taken);
  const fromFile = taken.flatMap((layer) => stored.get(layer)!);
  const unused = [...stored.keys()].filter((layer) => !isTaken.has(layer));
  return {
    tensors: replaceTensors(initialTensors(network, seed), fromFile),
    digest: digestOf(fromFile),
    report: { file, taken, drawn, unused },
  };
}

/** Restores the names of layers that an export had to rename, such as `conv1/bn` to `conv1_bn`. */
function restoreNames(tensors: readonly NamedTensor[], network: Network): NamedTensor[] {
  const storedLayers = new Set(tensors.map(({ name }) => layerOf(name)));
  const { weighted } = new KerasNames(network);
  const missing = [...weighted].filter(([layer]) => !storedLayers.has(layer));
  const ownNames = new Map(missing.map(([layer, kerasName]) => [kerasName, layer]));
  return tensors.map((tensor) => {
    const layer = layerOf(tensor.name);
    const restored = weighted.has(layer) ? layer : (ownNames.get(layer) ?? layer);
    return { ...tensor, name: `${restored}${tensor.name.slice(layer.length)}` };
  });
}

/** @throws TandemError if the file's weights do not match its own network: it is damaged, or stores a layer in an unknown way */
function checkComplete(file: string, network: Network, tensors: readonly NamedTensor[]): void {
  const stored = groupByLayer(tensors);
  const own = groupByLayer(weightLayout(network));
  for (const [layer, shapes] of own) {
    const found = stored.get(layer) ?? [];
    if (formatTensors(found) === formatTensors(shapes)) continue;
    throw refusal(
      file,
      `its layer ${quote(layer)} has ${formatTensors(found)}, but ${formatTensors(shapes)} in its own network.`,
    );
  }
  const foreign = [...stored.keys()].find((layer) => !own.has(layer));
  if (foreign !== undefined) {
    throw refusal(file, `it has weights of a layer ${quote(foreign)}, which its network lacks.`);
  }
}

/** The last layer with a kernel, and the layers after it: their shapes depend on the targets. */
function findOutputLayers({ layers, parameters }: Network): Set<string> {
  const kernel = parameters.findLast(({ role }) => role === "kernel");
  if (!kernel) return new Set();
  const names = layers.map(({ name }) => name);
  return new Set(names.slice(names.indexOf(layerOf(kernel.name))));
}

function replaceTensors(
  drawn: readonly NamedTensor[],
  stored: readonly NamedTensor[],
): NamedTensor[] {
  const byName = new Map(stored.map((tensor) => [tensor.name, tensor]));
  return drawn.map((tensor) => byName.get(tensor.name) ?? tensor);
}

function groupByLayer<T extends TensorShape>(tensors: readonly T[]): Map<string, T[]> {
  const layers = new Map<string, T[]>();
  for (const tensor of tensors) {
    const layer = layerOf(tensor.name);
    layers.set(layer, [...(layers.get(layer) ?? []), tensor]);
  }
  return layers;
}

/** `bias [10] and kernel [1024,10]`, in the order of the names. */
function formatTensors(tensors: readonly TensorShape[]): string {
  if (tensors.length === 0) return "no weights";
  return tensors
    .map(({ name, shape }) => `${name.slice(name.lastIndexOf("/") + 1)} ${formatShape(shape)}`)
    .sort()
    .join(", ");
}

function list(names: Iterable<string>): string {
  const all = [...names];
  const listed = all.slice(0, MAX_LISTED).map(quote).join(", ");
  return all.length > MAX_LISTED ? `${listed} and ${all.length - MAX_LISTED} more` : listed;
}

function layerOf(tensor: string): string {
  return tensor.slice(0, tensor.lastIndexOf("/"));
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
