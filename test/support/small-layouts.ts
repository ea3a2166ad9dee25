// The layouts of two small runs whose messages have every form: dense and factored gradients, three buckets, frozen layers;
// with classes and with values as targets. And values for all of their tensors.
import fc from "fast-check";
import {
  classesConfig,
  inThreeBuckets,
  SHARD_SAMPLES,
  valuesConfig,
} from "../../scripts/faults/small-config.mjs";
import { runConfigSchema } from "../../src/shared/config.js";
import { type ParameterSpec, sizeOf } from "../../src/shared/network/network.js";
import { trainedStatistics } from "../../src/shared/network/network.js";
import type { Gradient, Gradients, ShardResult } from "../../src/shared/replica/tensors.js";
import { layoutOfRun, type RunLayout } from "../../src/shared/run-layout.js";

export { SHARD_SAMPLES };

const [ofClasses, ofValues] = [classesConfig, valuesConfig].map((config) => {
  return inThreeBuckets(layoutOfRun(runConfigSchema.parse(config)));
});
export const classesLayout: RunLayout = ofClasses!;
export const valuesLayout: RunLayout = ofValues!;

/** Arrays of finite float32 values with this length. */
export function floats(length: number): fc.Arbitrary<Float32Array> {
  return fc.float32Array({
    minLength: length,
    maxLength: length,
    noNaN: true,
    noDefaultInfinity: true,
  });
}

function gradientOf({ factored }: RunLayout, parameter: ParameterSpec): fc.Arbitrary<Gradient> {
  const { name, shape } = parameter;
  if (!factored.has(name)) {
    return floats(sizeOf(shape)).map((values) => ({ form: "dense", values }));
  }
  const [inputCount, outputCount] = shape as readonly [number, number];
  const rows = SHARD_SAMPLES;
  return fc
    .record({ inputs: floats(rows * inputCount), outputs: floats(rows * outputCount) })
    .map((factors) => ({ form: "factors", shards: [{ rows, ...factors }] }));
}

/** Gradients of one shard. */
export function gradientsOf(
  layout: RunLayout,
  parameters: readonly ParameterSpec[],
): fc.Arbitrary<Gradients> {
  return fc
    .tuple(...parameters.map((parameter) => gradientOf(layout, parameter)))
    .map((gradients) => new Map(parameters.map(({ name }, index) => [name, gradients[index]!])));
}

/** Mean and variance of each batch-norm layer that is trained. */
export function statisticsOf(
  layout: RunLayout,
): fc.Arbitrary<Map<string, { mean: Float32Array; variance: Float32Array }>> {
  const trained = trainedStatistics(layout.network);
  return fc
    .tuple(
      ...trained.map(({ channels }) =>
        fc.record({ mean: floats(channels), variance: floats(channels) }),
      ),
    )
    .map((values) => new Map(trained.map(({ name }, index) => [name, values[index]!])));
}

export function shardResultOf(layout: RunLayout): fc.Arbitrary<ShardResult> {
  const valuesPerSample = new Map(
    layout.network.statistics.map(({ name, valuesPerSample }) => [name, valuesPerSample]),
  );
  return fc
    .record({
      loss: fc.double({ noNaN: true }),
      gradients: gradientsOf(layout, layout.buckets.flat()),
      statistics: statisticsOf(layout),
    })
    .map(({ loss, gradients, statistics }) => {
      const moments = [...statistics].map(([name, { mean, variance }]) => {
        const count = SHARD_SAMPLES * valuesPerSample.get(name)!;
        return [name, { count, mean, variance }] as const;
      });
      return { loss, gradients, moments: new Map(moments) };
    });
}

/** The parts as a peer receives them: bytes that lie anywhere. */
export function asReceived(parts: readonly ArrayBufferView[]): Uint8Array[] {
  return parts.map(({ buffer, byteOffset, byteLength }) => {
    const copy = new Uint8Array(byteLength + 1);
    copy.set(new Uint8Array(buffer, byteOffset, byteLength), 1);
    return copy.subarray(1);
  });
}

/** Parts that cannot be these: one less, one more, one of another length, two in the other's place. */
export function wrongParts(parts: readonly Uint8Array[]): [what: string, parts: Uint8Array[]][] {
  const lengths = parts.map(({ byteLength }) => byteLength);
  const swapped = parts.findIndex((_, index) => index > 0 && lengths[index] !== lengths[index - 1]);
  return [
    ["a part too few", parts.slice(1)],
    ["a part too few at the end", parts.slice(0, -1)],
    ["no parts", []],
    ["a part too many", [...parts, new Uint8Array(4)]],
    ...parts.map((part, index): [string, Uint8Array[]] => [
      `part ${index} four bytes too long`,
      parts.with(index, new Uint8Array(part.byteLength + 4)),
    ]),
    ...parts.map((part, index): [string, Uint8Array[]] => [
      `part ${index} a byte too short`,
      parts.with(index, part.subarray(1)),
    ]),
    ...(swapped < 1
      ? []
      : ([
          [
            "two parts in each other's place",
            parts.with(swapped, parts[swapped - 1]!).with(swapped - 1, parts[swapped]!),
          ],
        ] as [string, Uint8Array[]][])),
  ];
}
