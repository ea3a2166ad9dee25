// What the parts of a message hold, and the checks on what arrives: numbers of parts, and lengths. Whether the numbers
// make sense is for others to say (bounds.ts).
// Every length follows from the network and the configuration, so nothing a peer says about sizes is believed.
import { crc32 } from "node:zlib";
import type { ImageShape, Samples } from "../data/dataset.js";
import { alignedFloats } from "../model/aligned.js";
import {
  type Half,
  isFactored,
  type Network,
  type ParameterSpec,
  sizeOf,
} from "../model/network.js";
import type { Replica } from "../model/replica.js";
import { isLarge, type ReplicaKind, stateLayout, type TensorShape } from "../model/state-layout.js";
import type {
  EvaluationResult,
  Factors,
  Gradient,
  NamedTensor,
  ShardResult,
  Update,
} from "../model/values.js";
import type { Moments, PopulationStatistics } from "../statistics/moments.js";
import { OutgoingFrame } from "./channel.js";
import { asFloats, encodeFrame, FrameError } from "./frame.js";
import type { FromCoordinator } from "./messages.js";

/** Takes the parts one by one and holds each against what it must be. */
class PartReader {
  private readonly parts: readonly Uint8Array[];
  private next = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.parts = parts;
  }

  bytes(length: number, what: string): Uint8Array {
    const part = this.parts[this.next++];
    if (part?.byteLength !== length) {
      throw new FrameError(`${what}: ${part?.byteLength ?? "no"} bytes, expected ${length}`);
    }
    return part;
  }

  floats(count: number, what: string): Float32Array {
    return asFloats(this.bytes(4 * count, what));
  }

  end(): void {
    if (this.next !== this.parts.length) throw new FrameError("more parts than the message has");
  }
}

/** CRC-32 over all parts, one after the other. */
function checksumOf(parts: readonly ArrayBufferView[]): number {
  return parts.reduce(
    (crc, part) => crc32(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), crc),
    0,
  );
}

function parametersOf(network: Network, half: Half): ParameterSpec[] {
  return network.parameters.filter((parameter) => parameter.half === half);
}

/**
 * Parts of the gradients: by parameter in the order given, its values, or its two factors, each with the rows of all shards
 * below one another: so the number of parts does not grow with the number of shards.
 * @param without shards whose factors are left out
 */
function gradientParts(
  parameters: readonly ParameterSpec[],
  gradients: ReadonlyMap<string, Gradient>,
  without: readonly number[] = [],
): Float32Array[] {
  return parameters.flatMap(({ name }) => {
    const gradient = gradients.get(name);
    if (!gradient) throw new RangeError(`no gradient for ${name}`);
    if (gradient.form === "dense") return [gradient.values];
    const shards =
      without.length === 0
        ? gradient.shards
        : gradient.shards.filter((_, shard) => !without.includes(shard));
    return (["inputs", "outputs"] as const).map((side) =>
      concatFloats(shards.map((factors) => factors[side])),
    );
  });
}

function concatFloats(arrays: readonly Float32Array[]): Float32Array {
  const [first] = arrays;
  if (first && arrays.length === 1) return first;
  const all = new Float32Array(arrays.reduce((total, { length }) => total + length, 0));
  let offset = 0;
  for (const array of arrays) {
    all.set(array, offset);
    offset += array.length;
  }
  return all;
}

/** The factors of some shards' results, by shard and parameter. */
export type KeptFactors = ReadonlyMap<number, ReadonlyMap<string, Gradient>>;

/**
 * @param shards samples of each shard behind the gradients
 * @param kept the factors that were left out
 */
function readGradients(
  reader: PartReader,
  parameters: readonly ParameterSpec[],
  largestShard: number,
  shards: readonly number[],
  kept: KeptFactors = new Map(),
): Map<string, Gradient> {
  const gradients = new Map<string, Gradient>();
  for (const parameter of parameters) {
    const { name, shape } = parameter;
    if (isFactored(parameter, largestShard)) {
      const factors = readFactorRows(reader, parameter, shards, kept);
      gradients.set(name, { form: "factors", shards: factors });
    } else {
      gradients.set(name, { form: "dense", values: reader.floats(sizeOf(shape), name) });
    }
  }
  return gradients;
}

/** @returns the factors of each shard, those that were kept included */
function readFactorRows(
  reader: PartReader,
  { name, shape }: ParameterSpec,
  shards: readonly number[],
  kept: KeptFactors,
): Factors[] {
  const [inputCount, outputCount] = shape as [number, number];
  const sent = shards.reduce((total, rows, shard) => total + (kept.has(shard) ? 0 : rows), 0);
  const inputs = reader.floats(sent * inputCount, name);
  const outputs = reader.floats(sent * outputCount, name);
  let row = 0;
  return shards.map((rows, shard) => {
    const own = kept.get(shard)?.get(name);
    if (own) {
      const [factors] = own.form === "factors" ? own.shards : [];
      if (factors?.rows !== rows) throw new FrameError(`${name}: no factors of shard ${shard}`);
      return factors;
    }
    if (kept.has(shard)) throw new FrameError(`${name}: no factors of shard ${shard}`);
    const from = row;
    row += rows;
    return {
      rows,
      inputs: inputs.subarray(from * inputCount, row * inputCount),
      outputs: outputs.subarray(from * outputCount, row * outputCount),
    };
  });
}

/** Parts that hold one shard's gradients of these parameters and nothing else. */
function readShardGradients(
  parameters: readonly ParameterSpec[],
  largestShard: number,
  rows: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  const reader = new PartReader(parts);
  const gradients = readGradients(reader, parameters, largestShard, [rows]);
  reader.end();
  return gradients;
}

/** Parts of `classifier`: its gradients. */
export function classifierParts(
  network: Network,
  gradients: ReadonlyMap<string, Gradient>,
): ArrayBufferView[] {
  return gradientParts(parametersOf(network, "classifier"), gradients);
}

/**
 * @param rows samples of the shard
 * @throws FrameError where the parts cannot be its classifier's gradients
 */
export function readClassifier(
  network: Network,
  largestShard: number,
  rows: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  return readShardGradients(parametersOf(network, "classifier"), largestShard, rows, parts);
}

/** Parts of `factors`: in the network's order, the two factors of each gradient that is carried so. */
export function factorParts(
  network: Network,
  gradients: ReadonlyMap<string, Gradient>,
): ArrayBufferView[] {
  return network.parameters.flatMap(({ name }) => {
    const gradient = gradients.get(name);
    if (gradient?.form !== "factors") return [];
    return gradient.shards.flatMap(({ inputs, outputs }) => [inputs, outputs]);
  });
}

/**
 * @param rows samples of the shard
 * @throws FrameError where the parts cannot be its factors
 */
export function readFactors(
  network: Network,
  largestShard: number,
  rows: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  const factored = network.parameters.filter((parameter) => isFactored(parameter, largestShard));
  return readShardGradients(factored, largestShard, rows, parts);
}

/** Parts of `result`: the features' gradients, then mean and variance of each normalised layer. */
export function shardResultParts(network: Network, result: ShardResult): ArrayBufferView[] {
  const moments = network.statistics.flatMap(({ name }) => {
    const own = result.moments.get(name);
    if (!own) throw new RangeError(`no moments for ${name}`);
    return [own.mean, own.variance];
  });
  return [...gradientParts(parametersOf(network, "features"), result.gradients), ...moments];
}

/**
 * @param sampleCount samples of the shard that was given out
 * @param classifier what came before in `classifier`
 * @throws FrameError where the parts cannot be this shard's result
 */
export function readShardResult(
  network: Network,
  largestShard: number,
  sampleCount: number,
  loss: number,
  classifier: ReadonlyMap<string, Gradient>,
  parts: readonly Uint8Array[],
): ShardResult {
  const reader = new PartReader(parts);
  const parameters = parametersOf(network, "features");
  const features = readGradients(reader, parameters, largestShard, [sampleCount]);
  const moments = new Map<string, Moments>();
  for (const { name, channels, valuesPerSample } of network.statistics) {
    const mean = reader.floats(channels, `${name} mean`);
    const variance = reader.floats(channels, `${name} variance`);
    moments.set(name, { count: sampleCount * valuesPerSample, mean, variance });
  }
  reader.end();
  return { loss, gradients: new Map([...classifier, ...features]), moments };
}

/**
 * Parts of `update`: the summed gradients, then the new population mean and variance of each normalised layer.
 * @param without shards whose factors the receiver has
 */
export function updateParts(
  network: Network,
  update: Update,
  without: readonly number[],
): ArrayBufferView[] {
  const population = network.statistics.flatMap(({ name }) => {
    const own = update.population.get(name);
    if (!own) throw new RangeError(`no statistics for ${name}`);
    return [own.mean, own.variance];
  });
  return [...gradientParts(network.parameters, update.gradients, without), ...population];
}

/**
 * @param shards samples of each shard
 * @param kept the factors that were left out
 * @throws FrameError where the parts cannot be an update of this run
 */
export function readUpdate(
  network: Network,
  shards: readonly number[],
  kept: KeptFactors,
  parts: readonly Uint8Array[],
): Update {
  const reader = new PartReader(parts);
  const largest = Math.max(...shards);
  const gradients = readGradients(reader, network.parameters, largest, shards, kept);
  const population = new Map<string, PopulationStatistics>();
  for (const { name, channels } of network.statistics) {
    const mean = reader.floats(channels, `${name} mean`);
    const variance = reader.floats(channels, `${name} variance`);
    population.set(name, { mean, variance });
  }
  reader.end();
  return { gradients, population };
}

/** Parts of `evaluated`: a byte a sample. */
export function evaluationParts(result: EvaluationResult): ArrayBufferView[] {
  return [result.predictions];
}

/** @throws FrameError where the parts cannot be the answer for so many samples */
export function readEvaluation(
  network: Network,
  sampleCount: number,
  lossSum: number,
  parts: readonly Uint8Array[],
): EvaluationResult {
  const reader = new PartReader(parts);
  const predictions = reader.bytes(sampleCount, "predictions");
  if (predictions.some((value) => value >= network.classCount)) {
    throw new FrameError("a predicted class does not exist");
  }
  reader.end();
  return { predictions, lossSum };
}

/** Parts of `shard` and `evaluate`: the pixels, then the labels, a byte each. */
export function sampleParts(samples: Samples): ArrayBufferView[] {
  return [samples.pixels, samples.labels];
}

/** @throws FrameError where the parts are not so many samples of this network's images and classes */
export function readSamples(
  image: ImageShape,
  classCount: number,
  count: number,
  parts: readonly Uint8Array[],
): Samples {
  const reader = new PartReader(parts);
  const pixels = reader.bytes(count * image.height * image.width, "pixels");
  const labels = reader.bytes(count, "labels");
  reader.end();
  if (labels.some((label) => label >= classCount)) throw new FrameError("a label does not exist");
  return { count, pixels, labels };
}

/** CRC-32 of the weights and the population statistics: replicas that have come to the same bits have the same. */
export function weightsDigest(replica: Replica): number {
  return checksumOf(replica.snapshot("weights-only").map((tensor) => tensor.values));
}

/** The tensors of a `state` in the order in which they are sent: small ones as parts, large ones as the tail. */
function stateOrder(
  network: Network,
  kind: ReplicaKind,
  half: Half,
): { small: TensorShape[]; large: TensorShape[] } {
  const layout = stateLayout(network, kind, [half]);
  return { small: layout.filter((tensor) => !isLarge(tensor)), large: layout.filter(isLarge) };
}

/**
 * A half of the state in memory that it can be sent from, and fed to runs from.
 * @returns by name, in the order in which they are sent
 */
export function stateMemory(
  network: Network,
  kind: ReplicaKind,
  half: Half,
): Map<string, Float32Array> {
  const { small, large } = stateOrder(network, kind, half);
  const tensors = [...small, ...large];
  const places = alignedFloats(tensors.map(({ shape }) => sizeOf(shape)));
  return new Map(tensors.map(({ name }, index) => [name, places[index]!]));
}

/**
 * A `state` as it is sent.
 * @param step that the replica's half has come to
 * @param memory of `stateMemory`, where the values are copied to; it must stay as it is until they are sent
 */
export function stateFrame(
  replica: Replica,
  kind: ReplicaKind,
  half: Half,
  step: number,
  memory: ReadonlyMap<string, Float32Array>,
): OutgoingFrame {
  const { small } = stateOrder(replica.network, kind, half);
  replica.read([...memory].map(([name, into]) => ({ name, into })));
  const values = [...memory.values()];
  const tail = values.slice(small.length);
  const lengths = tail.map(({ byteLength }) => byteLength);
  // The frame's own checksum covers what is in its first message.
  const tailChecksum = checksumOf(tail);
  const header = { type: "state", step, half, tailChecksum } satisfies FromCoordinator;
  return new OutgoingFrame(encodeFrame(header, values.slice(0, small.length), lengths), tail);
}

/**
 * Places for the tail of a `state`.
 * @param written where a tensor's values are to be written; undefined for memory of its own
 * @throws FrameError where it cannot be the tail of this network's
 */
export function stateTailPlaces(
  network: Network,
  kind: ReplicaKind,
  half: Half,
  lengths: readonly number[],
  written: (name: string) => Float32Array | undefined,
): Uint8Array[] {
  const { large } = stateOrder(network, kind, half);
  if (lengths.length !== large.length)
    throw new FrameError(`expected ${large.length} tail parts, got ${lengths.length}`);
  return large.map(({ name, shape }, index) => {
    const count = sizeOf(shape);
    if (lengths[index] !== 4 * count) throw new FrameError(`${name}: ${lengths[index]} bytes`);
    const { buffer, byteOffset, byteLength } = written(name) ?? new Float32Array(count);
    return new Uint8Array(buffer, byteOffset, byteLength);
  });
}

/** @throws FrameError where the parts are not a state of this network */
export function readState(
  network: Network,
  kind: ReplicaKind,
  { half, tailChecksum }: { half: Half; tailChecksum: number },
  parts: readonly Uint8Array[],
): NamedTensor[] {
  const reader = new PartReader(parts);
  const { small, large } = stateOrder(network, kind, half);
  if (tailChecksum !== checksumOf(parts.slice(small.length))) {
    throw new FrameError("the tail's checksum does not match");
  }
  const tensors = [...small, ...large].map(({ name, shape }) => {
    return { name, shape, values: reader.floats(sizeOf(shape), name) };
  });
  reader.end();
  return tensors;
}

/** Bytes that the parts of a `result` for `rows` samples take at most; a limit for what is accepted. */
export function maxResultBytes(network: Network, largestShard: number): number {
  let floats = 0;
  for (const parameter of network.parameters) {
    const [inputs, outputs] = parameter.shape;
    floats += isFactored(parameter, largestShard)
      ? largestShard * ((inputs ?? 0) + (outputs ?? 0))
      : sizeOf(parameter.shape);
  }
  for (const { channels } of network.statistics) floats += 2 * channels;
  return 4 * floats;
}
