// What the parts of a message hold, and the checks on what arrives: numbers of parts, lengths, finite values.
// Every length follows from the network and the configuration, so nothing a peer says about sizes is believed.
import { crc32 } from "node:zlib";
import type { ImageShape, Samples } from "../data/dataset.js";
import { isFactored, type Network, type ParameterSpec, sizeOf } from "../model/network.js";
import type { Replica } from "../model/replica.js";
import { type ReplicaKind, stateLayout } from "../model/state-layout.js";
import type {
  EvaluationResult,
  Factors,
  Gradient,
  NamedTensor,
  ShardResult,
  Update,
} from "../model/values.js";
import type { Moments, PopulationStatistics } from "../statistics/moments.js";
import { asFloats, FrameError } from "./frame.js";

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

  finiteFloats(count: number, what: string): Float32Array {
    const values = this.floats(count, what);
    let zero = 0;
    // 0 · x is 0 for every finite x and NaN for the others; one look at the sum replaces one at each number.
    for (let index = 0; index < values.length; index++) zero += 0 * values[index]!;
    if (zero !== 0) throw new FrameError(`${what}: a number is not finite`);
    return values;
  }

  end(): void {
    if (this.next !== this.parts.length) throw new FrameError("more parts than the message has");
  }
}

/**
 * CRC-32 over all parts, one after the other. TCP's own checksum lets through one damaged packet in some ten thousand
 * (Stone and Partridge, "When the CRC and TCP checksum disagree", 2000), and one flipped bit in a gradient is enough.
 */
export function checksumOf(parts: readonly ArrayBufferView[]): number {
  return parts.reduce(
    (crc, part) => crc32(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), crc),
    0,
  );
}

/**
 * Parts of the gradients: by parameter in the network's order, its values or, shard by shard, its two factors.
 * @param without shards whose factors are left out
 */
function gradientParts(
  network: Network,
  gradients: ReadonlyMap<string, Gradient>,
  without: readonly number[] = [],
): Float32Array[] {
  return network.parameters.flatMap(({ name }) => {
    const gradient = gradients.get(name);
    if (!gradient) throw new RangeError(`no gradient for ${name}`);
    if (gradient.form === "dense") return [gradient.values];
    return gradient.shards.flatMap(({ inputs, outputs }, shard) =>
      without.includes(shard) ? [] : [inputs, outputs],
    );
  });
}

/** The factors of some shards' results, by shard and parameter. */
export type KeptFactors = ReadonlyMap<number, ReadonlyMap<string, Gradient>>;

/**
 * @param shards samples of each shard behind the gradients
 * @param kept the factors that were left out
 */
function readGradients(
  reader: PartReader,
  network: Network,
  largestShard: number,
  shards: readonly number[],
  kept: KeptFactors = new Map(),
): Map<string, Gradient> {
  const gradients = new Map<string, Gradient>();
  for (const parameter of network.parameters) {
    const { name, shape } = parameter;
    if (isFactored(parameter, largestShard)) {
      const factors = shards.flatMap((rows, shard) => {
        const own = kept.get(shard)?.get(name);
        if (own?.form === "factors") return own.shards;
        if (kept.has(shard)) throw new FrameError(`${name}: no factors`);
        return [readFactorPair(reader, parameter, rows)];
      });
      gradients.set(name, { form: "factors", shards: factors });
    } else {
      gradients.set(name, { form: "dense", values: reader.finiteFloats(sizeOf(shape), name) });
    }
  }
  return gradients;
}

function readFactorPair(reader: PartReader, { name, shape }: ParameterSpec, rows: number): Factors {
  const [inputCount, outputCount] = shape as [number, number];
  const inputs = reader.finiteFloats(rows * inputCount, name);
  const outputs = reader.finiteFloats(rows * outputCount, name);
  return { rows, inputs, outputs };
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
  const reader = new PartReader(parts);
  const gradients = new Map<string, Gradient>();
  for (const parameter of network.parameters) {
    if (!isFactored(parameter, largestShard)) continue;
    const shards = [readFactorPair(reader, parameter, rows)];
    gradients.set(parameter.name, { form: "factors", shards });
  }
  reader.end();
  return gradients;
}

/** Parts of `result`: the gradients that are not in `factors`, then mean and variance of each normalised layer. */
export function shardResultParts(network: Network, result: ShardResult): ArrayBufferView[] {
  const moments = network.statistics.flatMap(({ name }) => {
    const own = result.moments.get(name);
    if (!own) throw new RangeError(`no moments for ${name}`);
    return [own.mean, own.variance];
  });
  return [...gradientParts(network, result.gradients, [0]), ...moments];
}

/**
 * @param sampleCount samples of the shard that was given out
 * @param factors what came before in `factors`
 * @throws FrameError where the parts cannot be this shard's result
 */
export function readShardResult(
  network: Network,
  largestShard: number,
  sampleCount: number,
  { loss, checksum }: { loss: number; checksum: number },
  factors: ReadonlyMap<string, Gradient>,
  parts: readonly Uint8Array[],
): ShardResult {
  if (!Number.isFinite(loss)) throw new FrameError("loss is not finite");
  if (checksum !== checksumOf(parts)) throw new FrameError("the checksum does not fit");
  const reader = new PartReader(parts);
  const gradients = readGradients(
    reader,
    network,
    largestShard,
    [sampleCount],
    new Map([[0, factors]]),
  );
  const moments = new Map<string, Moments>();
  for (const { name, channels, valuesPerSample } of network.statistics) {
    const mean = reader.finiteFloats(channels, `${name} mean`);
    const variance = reader.finiteFloats(channels, `${name} variance`);
    if (variance.some((value) => value < 0)) throw new FrameError(`${name}: negative variance`);
    moments.set(name, { count: sampleCount * valuesPerSample, mean, variance });
  }
  reader.end();
  return { loss, gradients, moments };
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
  return [...gradientParts(network, update.gradients, without), ...population];
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
  const gradients = readGradients(reader, network, Math.max(...shards), shards, kept);
  const population = new Map<string, PopulationStatistics>();
  for (const { name, channels } of network.statistics) {
    const mean = reader.finiteFloats(channels, `${name} mean`);
    const variance = reader.finiteFloats(channels, `${name} variance`);
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
  if (!Number.isFinite(lossSum)) throw new FrameError("loss is not finite");
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
  return checksumOf(stateParts(replica.snapshot("weights-only")));
}

/** Parts of `state`: the tensors of `stateLayout`. */
export function stateParts(tensors: readonly NamedTensor[]): ArrayBufferView[] {
  return tensors.map((tensor) => tensor.values);
}

/** @throws FrameError where the parts are not a state of this network */
export function readState(
  network: Network,
  kind: ReplicaKind,
  parts: readonly Uint8Array[],
): NamedTensor[] {
  const reader = new PartReader(parts);
  const tensors = stateLayout(network, kind).map(({ name, shape }) => ({
    name,
    shape,
    values: reader.floats(sizeOf(shape), name),
  }));
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
