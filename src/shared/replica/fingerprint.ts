// The numerics fingerprint of a run on this machine: SHA-256 of its engine's results on a fixed probe. Machines with equal
// fingerprints compute the run to the same bits; others, such as another kind of processor, do not.
import { crc32 } from "../digest/crc32.js";
import { sha256OfText, toHex } from "../digest/sha256.js";
import type { Engine } from "../engine/engine.js";
import { MAX_EVALUATION_SAMPLES } from "../evaluation.js";
import type { RunLayout } from "../run-layout.js";
import { isAllFinite } from "./finite.js";
import { evaluateSamples } from "./inference.js";
import { probeSamples, probeState } from "./probe.js";
import { computeShardsTogether } from "./shard-group.js";
import type { Gradient, Gradients, ShardResult } from "./tensors.js";
import { TrainingReplica } from "./training-replica.js";

const QUIET_NAN = 0x7fc00000;

/**
 * Takes about as long as a step: the forward and backward pass of one shard of each size (the run has at most two), which wait
 * for each other if batch normalisation is synchronised, the optimizer's step, and inference. It uses the run's own network and
 * sizes, because kernels split their sums by the shapes of their inputs; the values do not matter for that. The session is
 * temporary.
 * @returns 64 hexadecimal digits
 */
export function numericsFingerprint(layout: RunLayout, engine: Engine): string {
  const digest = new ResultDigest();
  const replica = new TrainingReplica(layout, engine);
  try {
    const { batchSize, schedule } = layout.config;
    // After the warm-up: a rate near 0 would hide how the weights change.
    const step = schedule.warmupSteps;
    const state = probeState(layout);
    replica.load(state, step);
    const sizes = [...new Set(layout.shardSizes)];
    const probes = sizes.map((size) => {
      return { step, firstSample: 0, samples: probeSamples(layout, size) };
    });
    const results = computeShardsTogether(replica, probes);
    for (const result of results) digest.addShard(result);
    const shards = layout.shardSizes.map((size) => results[sizes.indexOf(size)]!.gradients);
    replica.apply({ gradients: joinShards(shards), population: new Map() });
    // Reuses the memory of the state: a copy would be as large.
    replica.read(state.map(({ name, values }) => ({ name, into: values })));
    for (const { values } of state) digest.add(values);
    const samples = probeSamples(layout, Math.min(batchSize, MAX_EVALUATION_SAMPLES));
    const { predictions, lossSum } = evaluateSamples(replica, samples);
    digest.add(predictions);
    digest.addNumber(lossSum);
  } finally {
    replica.dispose();
  }
  return digest.hex();
}

/** The step's gradients: factors of all shards, which the optimizer multiplies; dense gradients of the first shard. */
function joinShards(shards: readonly Gradients[]): Gradients {
  return new Map(
    [...shards[0]!].map(([name, first]): [string, Gradient] => {
      if (first.form === "dense") return [name, first];
      const factors = shards.flatMap((gradients) => {
        const gradient = gradients.get(name);
        return gradient?.form === "factors" ? gradient.shards : [];
      });
      return [name, { form: "factors", shards: factors }];
    }),
  );
}

/** The bits of a NaN depend on the processor, in WebAssembly too. */
function withPlainNaN(values: Float32Array): Float32Array {
  if (isAllFinite(values)) return values;
  const bits = new Uint32Array(values.length);
  const plain = new Float32Array(bits.buffer);
  plain.set(values);
  values.forEach((value, index) => {
    if (Number.isNaN(value)) bits[index] = QUIET_NAN;
  });
  return plain;
}

/**
 * Digests the results as text: scalars in full, arrays by their CRC-32. It need not be hard to forge, as every worker is sent
 * the run's fingerprint anyway; the purpose is to find honest machines that differ. SHA-256 of all bytes would take nine times
 * as long in a browser (docs/performance.md).
 */
class ResultDigest {
  private readonly lines: string[] = [];

  addShard({ loss, gradients, moments }: ShardResult): void {
    this.addNumber(loss);
    for (const gradient of gradients.values()) {
      if (gradient.form === "dense") {
        this.add(gradient.values);
        continue;
      }
      for (const { inputs, outputs } of gradient.shards) {
        this.add(inputs);
        this.add(outputs);
      }
    }
    for (const { mean, variance } of moments.values()) {
      // These were computed in float32; only merged moments are float64.
      this.add(Float32Array.from(mean));
      this.add(Float32Array.from(variance));
    }
  }

  add(values: Float32Array | Int32Array): void {
    const plain = values instanceof Float32Array ? withPlainNaN(values) : values;
    const bytes = new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
    this.lines.push(`${values.length} values ${crc32(bytes)}`);
  }

  addNumber(value: number): void {
    this.lines.push(String(value));
  }

  hex(): string {
    return toHex(sha256OfText(this.lines.join("\n")));
  }
}
