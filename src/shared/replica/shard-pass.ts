// A shard's forward and backward pass on a replica: what a worker does with a task.
import type { Samples } from "../data/samples.js";
import type { Feed, Tensor } from "../engine/engine.js";
import { dropoutMask } from "../graph/dropout-mask.js";
import type { GraphRun, Value } from "../graph/graph.js";
import type { NetworkGraph } from "../graph/network-graph.js";
import { trainingRuns } from "../graph/training-runs.js";
import { sizeOf, trainedStatistics } from "../network/network.js";
import type { RunLayout } from "../run-layout.js";
import { feedInputs, feedTargets } from "./feeds.js";
import type { Replica } from "./replica.js";
import type { Gradient, Gradients, ShardResult } from "./tensors.js";

export interface Shard {
  step: number;
  /** Place of its first sample in the global batch; it decides what dropout drops. */
  firstSample: number;
  /** At least one. */
  samples: Samples;
}

/**
 * A shard's part of a step in progress: at each barrier of the layout it yields its contribution, and goes on with what all
 * shards go on with (statistics/barrier.ts). Ended early with `return()`, it frees what it holds.
 */
export type ShardPass = Generator<Float32Array, ShardResult, Float32Array>;

/**
 * Begins a shard's part of the step, which `next()` computes up to the next barrier. Without barriers batch-norm layers
 * normalise with the shard's own moments, and the backward pass differentiates through them.
 * @param onBucket is given the gradients of each bucket but the last as soon as they are there, while those of the
 * layers before are still to be computed
 */
export function* beginShard(
  replica: Replica,
  shard: Shard,
  onBucket?: (bucket: number, gradients: Gradients) => void,
): ShardPass {
  if (replica.layout.barriers.length > 0) throw new RangeError("barriers are not computed yet");
  return computeShard(replica, shard, onBucket);
}

/**
 * Computes the shard's part of the step; batch-norm layers normalise with the shard's own moments, and the backward pass
 * differentiates through them.
 * @param onBucket is given the gradients of each bucket but the last as soon as they are there, while those of the
 * layers before are still to be computed
 */
export function computeShard(
  replica: Replica,
  { step, firstSample, samples }: Shard,
  onBucket?: (bucket: number, gradients: Gradients) => void,
): ShardResult {
  const { graph, session, layout, population } = replica;
  const { training } = graph;
  const { batchSize, seed } = layout.config;
  const { count } = samples;
  return session.scope((scope) => {
    const tensors = new Map<Value, Tensor>([
      [training.inputs, feedInputs(layout, samples, scope)],
      [training.targets, feedTargets(layout, samples, scope)],
      [training.lossScale, scope.tensor([], Float32Array.of(1 / batchSize))],
    ]);
    for (const [layer, mask] of training.dropoutMasks) {
      const shape = mask.shape.slice(1);
      const rate = dropoutRate(layout, layer);
      const values = dropoutMask({
        seed,
        step,
        layer,
        rate,
        firstSample,
        count,
        size: sizeOf(shape),
      });
      tensors.set(mask, scope.tensor([count, ...shape], values));
    }
    for (const [name, value] of training.statistics) {
      tensors.set(value, scope.tensor(value.shape, population.tensor(name)!));
    }
    const weights = replica.weightFeeds();
    const floats = (value: Value) => scope.floats(tensors.get(value)!);
    const gradientOf = (name: string): Gradient => {
      const { dense, factors } = training.gradients.get(name)!;
      if (!factors || !layout.factored.has(name)) return { form: "dense", values: floats(dense) };
      const [inputs, outputs] = [floats(factors.inputs), floats(factors.outputs)];
      return { form: "factors", shards: [{ rows: count, inputs, outputs }] };
    };
    const gradients = new Map<string, Gradient>();
    bucketRuns(graph, layout).forEach(({ feeds, fetches }, bucket) => {
      const fed = feeds.map((value): Feed => [value, tensors.get(value)!]);
      const found = scope.run([...weights, ...fed], fetches);
      fetches.forEach((value, index) => tensors.set(value, found[index]!));
      const ofBucket = new Map(
        layout.buckets[bucket]!.map(({ name }) => [name, gradientOf(name)] as const),
      );
      for (const [name, gradient] of ofBucket) gradients.set(name, gradient);
      if (bucket < layout.buckets.length - 1) onBucket?.(bucket, ofBucket);
    });
    const moments = trainedStatistics(layout.network).map(({ name, valuesPerSample }) => {
      const { mean, variance } = training.moments.get(name)!;
      const values = { mean: floats(mean), variance: floats(variance) };
      return [name, { count: count * valuesPerSample, ...values }] as const;
    });
    const loss = sum(floats(training.losses)) / batchSize;
    return { loss, gradients, moments: new Map(moments) };
  });
}

const RUNS = new WeakMap<NetworkGraph, readonly GraphRun[]>();

/** Cut once for each graph. */
function bucketRuns(graph: NetworkGraph, { buckets, factored }: RunLayout): readonly GraphRun[] {
  const known = RUNS.get(graph);
  if (known) return known;
  const runs = trainingRuns(graph, buckets, factored);
  RUNS.set(graph, runs);
  return runs;
}

function dropoutRate({ network }: RunLayout, name: string): number {
  const layer = network.layers.find((each) => each.name === name)?.layer;
  if (layer?.kind !== "dropout") throw new RangeError(`no dropout layer ${name}`);
  return layer.rate;
}

/** In float64 and in order, so that it is the same wherever it is added up. */
function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
