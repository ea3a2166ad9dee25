// Gradients as the parts of a message: per parameter either its values, or its two factors with the rows of all shards stacked,
// so that the number of parts does not grow with the number of shards. Pure.
import { concatFloats } from "../../concat.js";
import { type ParameterSpec, sizeOf } from "../../network/network.js";
import type { Factors, Gradient, Gradients } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import { FrameError } from "../frame.js";
import { PartReader } from "./part-reader.js";

/** The factors of some shards' results, by shard. */
export type FactorsByShard = ReadonlyMap<number, Gradients>;

/** @param without shards whose factors are omitted */
export function gradientParts(
  parameters: readonly ParameterSpec[],
  gradients: Gradients,
  without: readonly number[] = [],
): Float32Array[] {
  return parameters.flatMap(({ name }) => {
    const gradient = gradients.get(name);
    if (!gradient) throw new RangeError(`no gradient of ${name}`);
    if (gradient.form === "dense") return [gradient.values];
    const shards = gradient.shards.filter((_, shard) => !without.includes(shard));
    return (["inputs", "outputs"] as const).map((side) =>
      concatFloats(shards.map((factors) => factors[side])),
    );
  });
}

/**
 * @param shardSizes samples of each shard behind the gradients
 * @param known the factors that were omitted
 * @throws FrameError if the parts do not fit these gradients
 */
export function readGradients(
  reader: PartReader,
  layout: Pick<RunLayout, "factored">,
  parameters: readonly ParameterSpec[],
  shardSizes: readonly number[],
  known: FactorsByShard = new Map(),
): Map<string, Gradient> {
  return new Map(
    parameters.map((parameter): [string, Gradient] => {
      const { name, shape } = parameter;
      if (!layout.factored.has(name)) {
        return [name, { form: "dense", values: reader.floats(sizeOf(shape), name) }];
      }
      return [
        name,
        { form: "factors", shards: readFactorRows(reader, parameter, shardSizes, known) },
      ];
    }),
  );
}

/**
 * Reads parts that hold one shard's gradients of these parameters and nothing else.
 * @param rows samples of the shard
 * @throws FrameError if they do not fit
 */
export function readShardGradients(
  layout: Pick<RunLayout, "factored">,
  parameters: readonly ParameterSpec[],
  rows: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  const reader = new PartReader(parts);
  const gradients = readGradients(reader, layout, parameters, [rows]);
  reader.end();
  return gradients;
}

/** @throws FrameError if the run has no such bucket */
export function bucketParameters(
  { buckets }: Pick<RunLayout, "buckets">,
  bucket: number,
): readonly ParameterSpec[] {
  const parameters = buckets[bucket];
  if (!parameters)
    throw new FrameError(`no gradient bucket ${bucket}, the run has ${buckets.length}`);
  return parameters;
}

/** @returns the factors of each shard, including the known ones */
function readFactorRows(
  reader: PartReader,
  { name, shape }: ParameterSpec,
  shardSizes: readonly number[],
  known: FactorsByShard,
): Factors[] {
  const [inputCount, outputCount] = shape as readonly [number, number];
  const sentRows = shardSizes.reduce(
    (total, rows, shard) => total + (known.has(shard) ? 0 : rows),
    0,
  );
  const inputs = reader.floats(sentRows * inputCount, name);
  const outputs = reader.floats(sentRows * outputCount, name);
  let row = 0;
  return shardSizes.map((rows, shard) => {
    if (known.has(shard)) return knownFactors(known, shard, name, rows);
    const from = row;
    row += rows;
    return {
      rows,
      inputs: inputs.subarray(from * inputCount, row * inputCount),
      outputs: outputs.subarray(from * outputCount, row * outputCount),
    };
  });
}

function knownFactors(known: FactorsByShard, shard: number, name: string, rows: number): Factors {
  const gradient = known.get(shard)?.get(name);
  const [factors] = gradient?.form === "factors" ? gradient.shards : [];
  if (factors?.rows !== rows) throw new FrameError(`${name}: no factors of shard ${shard}`);
  return factors;
}
