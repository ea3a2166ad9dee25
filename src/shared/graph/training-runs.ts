// A shard's training in runs, one for each gradient bucket: a bucket's gradients are sent while the next run computes. Pure.
import type { GradientBucket } from "../network/buckets.js";
import { isFactored } from "../network/gradient-form.js";
import { cutGraph } from "./cut.js";
import type { GraphRun, Value } from "./graph.js";
import type { NetworkGraph } from "./network-graph.js";

export interface TrainingRuns {
  /** The dense kernels whose gradients are fetched and sent as factors. */
  factored: ReadonlySet<string>;
  /** One for each bucket; the first fetches the losses and moments too. At least one. */
  runs: readonly GraphRun[];
}

/** @param largestShard samples of the run's largest shard; it decides which gradients are factored */
export function trainingRuns(
  { graph, network, training }: NetworkGraph,
  buckets: readonly GradientBucket[],
  largestShard: number,
): TrainingRuns {
  const { losses, moments, gradients } = training;
  const factored = new Set(
    network.parameters
      .filter((parameter) => parameter.trainable && isFactored(parameter, largestShard))
      .map(({ name }) => name),
  );
  const fetchesOf = ({ parameters }: GradientBucket): Value[] =>
    parameters.flatMap(({ name }) => {
      const { dense, factors } = gradients.get(name)!;
      return factors && factored.has(name) ? [factors.inputs, factors.outputs] : [dense];
    });
  const ofMoments = [...moments.values()].flatMap(({ mean, variance }) => [mean, variance]);
  const [first = [], ...rest] = buckets.map(fetchesOf);
  const runs = cutGraph(graph, [[losses, ...ofMoments, ...first], ...rest]);
  return { factored, runs };
}
