// The tensors of a shard's pass (shard-pass.ts), held from its start to its end, and the runs that compute them.
import { concatFloats } from "../concat.js";
import type { Feed, Tensor, TensorScope } from "../engine/engine.js";
import type { GraphRun, Value } from "../graph/graph.js";
import type { BarrierValues } from "../graph/layers/index.js";
import type { NetworkGraph } from "../graph/network-graph.js";
import { type PassPhase, trainingPhases } from "../graph/training-runs.js";
import type { RunLayout } from "../run-layout.js";
import { feedShard, type Shard } from "./feeds.js";
import type { Replica } from "./replica.js";
import type { Gradient } from "./tensors.js";

export class ShardComputation {
  readonly phases: readonly PassPhase[];
  private readonly replica: Replica;
  private readonly sampleCount: number;
  private readonly scope: TensorScope;
  /** Values that are fed or have been computed. */
  private readonly tensors: Map<Value, Tensor>;

  /** @param scope holds the tensors; its owner closes it */
  constructor(replica: Replica, shard: Shard, scope: TensorScope) {
    this.replica = replica;
    this.sampleCount = shard.samples.count;
    this.phases = phasesOf(replica.graph, replica.layout);
    this.scope = scope;
    this.tensors = feedShard(replica, shard, scope);
  }

  /** The shard's contribution to a barrier: [2, channels]. */
  contribute({ barrier, run }: { barrier: BarrierValues; run: GraphRun }): Float32Array {
    this.run(run);
    return concatFloats(barrier.contribution.map((value) => this.floats(value)));
  }

  /** Feeds a barrier's merged values. @param merged [2, channels] @throws RangeError if its length is wrong */
  proceed({ barrier }: { barrier: BarrierValues }, merged: Float32Array): void {
    const [first, second] = barrier.merged;
    const [channels] = first.shape as [number];
    if (merged.length !== 2 * channels) {
      throw new RangeError(`${merged.length} merged values, expected 2·${channels}`);
    }
    // Copies, as the caller may reuse its memory.
    this.tensors.set(first, this.scope.tensor([channels], merged.slice(0, channels)));
    this.tensors.set(second, this.scope.tensor([channels], merged.slice(channels)));
  }

  /** By parameter. */
  computeBucket(bucket: number, run: GraphRun): Map<string, Gradient> {
    this.run(run);
    const parameters = this.replica.layout.buckets[bucket]!;
    return new Map(parameters.map(({ name }) => [name, this.gradientOf(name)] as const));
  }

  floats(value: Value): Float32Array {
    return this.scope.floats(this.tensors.get(value)!);
  }

  private run({ feeds, fetches }: GraphRun): void {
    const missing = fetches.filter((value) => !this.tensors.has(value));
    if (missing.length === 0) return;
    // Asked for again in each run: a bucket may have taken its step while the shard waited.
    const weights = this.replica.weightFeeds();
    const fed = feeds.map((value): Feed => [value, this.tensors.get(value)!]);
    const found = this.scope.run([...weights, ...fed], missing);
    missing.forEach((value, index) => this.tensors.set(value, found[index]!));
  }

  private gradientOf(name: string): Gradient {
    const { graph, layout } = this.replica;
    const { dense, factors } = graph.training.gradients.get(name)!;
    if (!factors || !layout.factored.has(name)) {
      return { form: "dense", values: this.floats(dense) };
    }
    const [inputs, outputs] = [this.floats(factors.inputs), this.floats(factors.outputs)];
    return { form: "factors", shards: [{ rows: this.sampleCount, inputs, outputs }] };
  }
}

const PHASES = new WeakMap<NetworkGraph, readonly PassPhase[]>();

/** Cut once per graph. */
function phasesOf(
  graph: NetworkGraph,
  { buckets, factored, barriers }: RunLayout,
): readonly PassPhase[] {
  const known = PHASES.get(graph);
  if (known) return known;
  const textOf = (each: readonly { layer: string; direction: string }[]) =>
    each.map(({ layer, direction }) => `${direction} ${layer}`).join();
  if (textOf(graph.training.barriers) !== textOf(barriers)) {
    throw new RangeError("the graph has other barriers than the layout");
  }
  const phases = trainingPhases(graph, buckets, factored);
  PHASES.set(graph, phases);
  return phases;
}
