// A replica that takes optimizer steps: weights and slots are the session's variables. The coordinator has one, and with
// `--broadcast updates` so does each worker; given the same update, all compute the same bits.
import { concatFloats } from "../concat.js";
import type { Engine, Feed, Session, Tensor, TensorScope } from "../engine/engine.js";
import type { Value } from "../graph/graph.js";
import type { GradientValues } from "../graph/layers/index.js";
import { NetworkGraph } from "../graph/network-graph.js";
import { sizeOf } from "../network/network.js";
import { decayFactor, stepRate } from "../optimizer/rates.js";
import { rateAt } from "../optimizer/schedule.js";
import type { RunLayout } from "../run-layout.js";
import type { PopulationStatistics } from "../statistics/moments.js";
import { Population } from "./population.js";
import type { Replica } from "./replica.js";
import { type ReplicaKind, stateLayout } from "./state-layout.js";
import type { Gradient, Gradients, NamedTensor, Update } from "./tensors.js";

export class TrainingReplica implements Replica {
  readonly layout: RunLayout;
  readonly graph: NetworkGraph;
  readonly session: Session;
  readonly population: Population;
  private completedSteps: number;
  /** Buckets that have already taken the current step. */
  private readonly steppedBuckets = new Set<number>();
  /** The weights of those buckets from before the step; runs are fed these until the step is complete. */
  private readonly previousWeights = new Map<string, { values: Float32Array; tensor: Tensor }>();

  /** The state is all zeros until `load`. */
  constructor(layout: RunLayout, engine: Engine) {
    this.layout = layout;
    const { loss, optimizer, batchNorm } = layout.config;
    this.graph = new NetworkGraph(layout.network, loss, optimizer, batchNorm);
    this.session = engine.open(this.graph.graph);
    this.population = new Population(layout.network.statistics);
    this.completedSteps = -1;
  }

  get step(): number {
    return this.completedSteps;
  }

  /** True between the first bucket's step and the last one's. */
  get isMidStep(): boolean {
    return this.steppedBuckets.size > 0;
  }

  /**
   * True if a bucket can take its step before the other buckets' gradients are known. With `clipNorm` all are needed.
   */
  get canStepBuckets(): boolean {
    return this.graph.optimizer.canStepBuckets;
  }

  weightFeeds(): Feed[] {
    return [...this.previousWeights].map(([name, { tensor }]) => [
      this.graph.variable(name),
      tensor,
    ]);
  }

  /** Loads a state. Tensors that are not among `tensors` keep their values. */
  load(tensors: readonly NamedTensor[], step: number): void {
    if (this.isMidStep) throw new RangeError("a new state in the middle of a step");
    this.session.write(
      tensors.filter(({ name, values }) => {
        const statistic = this.population.tensor(name);
        statistic?.set(values);
        return statistic === undefined;
      }),
    );
    this.completedSteps = step;
  }

  /**
   * A bucket's part of `apply`, before the gradients of later buckets are known.
   * @param current the bucket's weights before the step, in memory of the session (`Session.allocate`) that must not change
   * until `apply`, as shards may have to be computed again with them
   */
  stepBucket(
    bucket: number,
    gradients: Gradients,
    current: ReadonlyMap<string, Float32Array>,
  ): void {
    if (!this.canStepBuckets) throw new RangeError("this optimizer steps all buckets at once");
    this.takeStep([bucket], gradients);
    for (const { name, shape } of this.bucketParameters(bucket)) {
      const values = current.get(name);
      if (!values) throw new RangeError(`no current value of ${name}`);
      this.previousWeights.set(name, { values, tensor: this.session.keep(shape, values) });
    }
  }

  /** The optimizer's step on all buckets that have not taken it yet, and the new population statistics. */
  apply({ gradients, population }: Update): void {
    const buckets = this.layout.buckets.keys();
    this.takeStep(
      [...buckets].filter((bucket) => !this.steppedBuckets.has(bucket)),
      gradients,
    );
    this.completeStep(population);
  }

  /** A copy of the state in plain arrays, in the order of `stateLayout`. @throws RangeError in the middle of a step */
  snapshot(kind: ReplicaKind): NamedTensor[] {
    if (this.isMidStep && kind === "with-slots") {
      throw new RangeError("a snapshot in the middle of a step");
    }
    const tensors = stateLayout(this.layout, kind).map(({ name, shape }) => {
      return { name, shape, values: new Float32Array(sizeOf(shape)) };
    });
    this.read(tensors.map(({ name, values }) => ({ name, into: values })));
    for (const { name, values } of tensors) {
      const previous = this.previousWeights.get(name);
      if (previous) values.set(previous.values);
    }
    return tensors;
  }

  /** Copies the current values of variables and statistics: of buckets that have taken the step, those after it. */
  read(tensors: readonly { name: string; into: Float32Array }[]): void {
    this.session.read(
      tensors.filter(({ name, into }) => {
        const statistic = this.population.tensor(name);
        if (statistic) into.set(statistic);
        return statistic === undefined;
      }),
    );
  }

  dispose(): void {
    this.freePreviousWeights();
    this.session.dispose();
  }

  private takeStep(buckets: readonly number[], gradients: Gradients): void {
    const { optimizer, learningRate, schedule } = this.layout.config;
    const outputs = this.graph.optimizer;
    const rate = rateAt(schedule, learningRate, this.step);
    this.session.scope((scope) => {
      const scalar = (value: number) => scope.tensor([], Float32Array.of(value));
      const feeds: Feed[] = [[outputs.rate, scalar(stepRate(optimizer, rate, this.step + 1))]];
      if (outputs.decayFactor) {
        feeds.push([outputs.decayFactor, scalar(decayFactor(optimizer, rate))]);
      }
      const effects: Value[] = [];
      for (const { name } of buckets.flatMap((bucket) => this.bucketParameters(bucket))) {
        const gradient = gradients.get(name);
        if (!gradient) throw new RangeError(`no gradient of ${name}`);
        feeds.push(...gradientFeeds(scope, outputs.gradients.get(name)!, gradient));
        effects.push(outputs.steps.get(name)!);
      }
      if (effects.length > 0) scope.run(feeds, effects);
    });
    for (const bucket of buckets) this.steppedBuckets.add(bucket);
  }

  private completeStep(population: ReadonlyMap<string, PopulationStatistics>): void {
    this.freePreviousWeights();
    this.population.set(population);
    this.steppedBuckets.clear();
    this.completedSteps++;
  }

  private freePreviousWeights(): void {
    for (const { tensor } of this.previousWeights.values()) this.session.free(tensor);
    this.previousWeights.clear();
  }

  private bucketParameters(bucket: number): RunLayout["buckets"][number] {
    const parameters = this.layout.buckets[bucket];
    if (!parameters) throw new RangeError(`no gradient bucket ${bucket}`);
    return parameters;
  }
}

function gradientFeeds(scope: TensorScope, outputs: GradientValues, gradient: Gradient): Feed[] {
  if (gradient.form === "dense") {
    return [[outputs.dense, scope.tensor(outputs.dense.shape, gradient.values)]];
  }
  if (!outputs.factors) throw new RangeError("factors for a gradient that is not factored");
  // Σ XₛᵀdYₛ is the product of the stacked Xₛ and the stacked dYₛ.
  const rows = gradient.shards.reduce((total, shard) => total + shard.rows, 0);
  return (["inputs", "outputs"] as const).map((side): Feed => {
    const values = concatFloats(gradient.shards.map((shard) => shard[side]));
    return [outputs.factors![side], scope.tensor([rows, values.length / rows], values)];
  });
}
