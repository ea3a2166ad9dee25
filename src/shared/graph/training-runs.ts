// A shard's training in runs, one for each gradient bucket: a bucket's gradients are sent while the next run computes. Pure.
import type { ParameterSpec } from "../network/network.js";
import { cutGraph } from "./cut.js";
import type { GraphRun, Value } from "./graph.js";
import type { NetworkGraph } from "./network-graph.js";

/**
 * @param buckets parameters in the order of the backward pass; at least one
 * @param factored the dense kernels whose gradients are fetched as factors
 * @returns one run for each bucket; the first fetches the losses and moments too
 */
export function trainingRuns(
  { graph, training }: NetworkGraph,
  buckets: readonly (readonly ParameterSpec[])[],
  factored: ReadonlySet<string>,
): GraphRun[] {
  const { losses, moments, gradients } = training;
  const fetchesOf = (bucket: readonly ParameterSpec[]): Value[] =>
    bucket.flatMap(({ name }) => {
      const { dense, factors } = gradients.get(name)!;
      return factors && factored.has(name) ? [factors.inputs, factors.outputs] : [dense];
    });
  const ofMoments = [...moments.values()].flatMap(({ mean, variance }) => [mean, variance]);
  const [first = [], ...rest] = buckets.map(fetchesOf);
  return cutGraph(graph, [[losses, ...ofMoments, ...first], ...rest]);
}
