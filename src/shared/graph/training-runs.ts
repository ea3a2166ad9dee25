// Cuts a shard's computation into runs: one per gradient bucket, so that a bucket's gradients can be sent while the next run
// computes, and one per barrier of synchronised batch normalisation. A barrier ends a phase. Pure.
import type { ParameterSpec } from "../network/network.js";
import { cutGraph } from "./cut.js";
import type { GraphRun, Value } from "./graph.js";
import type { BarrierValues } from "./layers/index.js";
import { findNeededNodes } from "./needed-nodes.js";
import type { NetworkGraph } from "./network-graph.js";

/** What a shard computes between two barriers. */
export interface PassPhase {
  /** The barrier that ends the phase, and the run that fetches the shard's contribution; undefined in the last phase. */
  atBarrier: { barrier: BarrierValues; run: GraphRun } | undefined;
  /** The phase's buckets, in order. Their runs come after the contribution's, as the other shards wait for that one. */
  buckets: readonly { bucket: number; run: GraphRun }[];
}

/**
 * @param buckets parameters in the order of the backward pass; at least one
 * @param factored the dense kernels whose gradients are fetched as factors
 * @returns one more phase than there are barriers; the first bucket's run also fetches the losses and moments
 */
export function trainingPhases(
  { graph, training }: NetworkGraph,
  buckets: readonly (readonly ParameterSpec[])[],
  factored: ReadonlySet<string>,
): PassPhase[] {
  const { losses, moments, gradients, barriers } = training;
  const fetchesOf = (bucket: readonly ParameterSpec[]): Value[] =>
    bucket.flatMap(({ name }) => {
      const { dense, factors } = gradients.get(name)!;
      return factors && factored.has(name) ? [factors.inputs, factors.outputs] : [dense];
    });
  const momentFetches = [...moments.values()].flatMap(({ mean, variance }) => [mean, variance]);
  const [first = [], ...rest] = buckets.map(fetchesOf);
  const fetches = [[losses, ...momentFetches, ...first], ...rest];
  const phases = findPhases(barriers, fetches);
  const plan = Array.from({ length: barriers.length + 1 }, (_, phase) => ({
    barrier: barriers[phase],
    buckets: [...fetches.keys()].filter((bucket) => phases[bucket] === phase),
  }));
  const groups = plan.flatMap(({ barrier, buckets: ready }) => [
    ...(barrier ? [barrier.contribution] : []),
    ...ready.map((bucket) => fetches[bucket]!),
  ]);
  const runs = cutGraph(graph, groups).values();
  const nextRun = () => runs.next().value!;
  return plan.map(({ barrier, buckets: ready }) => ({
    atBarrier: barrier && { barrier, run: nextRun() },
    buckets: ready.map((bucket) => ({ bucket, run: nextRun() })),
  }));
}

/** For each bucket, the number of barriers that must be passed before it and all earlier ones can be computed. */
function findPhases(
  barriers: readonly BarrierValues[],
  fetches: readonly (readonly Value[])[],
): number[] {
  let phase = 0;
  return fetches.map((values) => {
    const needed = findNeededNodes(values, new Set());
    const last = barriers.findLastIndex(({ merged }) =>
      merged.some(({ node }) => needed.has(node)),
    );
    phase = Math.max(phase, last + 1);
    return phase;
  });
}
