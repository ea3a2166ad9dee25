// The state of the training in one process: weights, population statistics, and, where it takes steps itself, Adam's slots.
// The coordinator has one, and so has each worker; what the coordinator's does in a step, a worker's can do again bit for bit.
import type { PopulationStatistics } from "../statistics/moments.js";
import { adamRate } from "./adam.js";
import { alignedFloats } from "./aligned.js";
import type { Output } from "./graph.js";
import type { GradientOutputs } from "./layers.js";
import { type Half, HALVES, type Network, sizeOf } from "./network.js";
import { NetworkGraph } from "./network-graph.js";
import { hasOneDnnPool, type Variable } from "./ops.js";
import { type Feed, type Scope, Session, type Tensor } from "./session.js";
import { type ReplicaKind, stateLayout } from "./state-layout.js";
import type { TensorFlow } from "./tensorflow.js";
import type { Gradient, NamedTensor, Update } from "./values.js";

/** A parameter's values, and the tensor by which runs are fed them. */
interface Fed {
  values: Float32Array;
  tensor: Tensor;
}

export class Replica {
  readonly network: Network;
  readonly kind: ReplicaKind;
  readonly graph: NetworkGraph;
  readonly session: Session;
  private currentStep: number;
  private readonly population = new Map<string, PopulationStatistics>();
  /**
   * Of a replica that takes no steps: the weights that runs are fed in the places of the variables' values, and those that
   * arrive meanwhile and take their place when all are there.
   */
  private present = new Map<string, Fed>();
  private next = new Map<string, Float32Array>();
  /** The classifier's weights before the step that it has taken already, and the features have not. */
  private former = new Map<string, Fed>();

  /**
   * @param tensors those of `stateLayout`, or none where they will be loaded; slots that are missing start at zero.
   * The arrays become the replica's own.
   * @param step how many steps the state has behind it
   */
  constructor(
    tf: TensorFlow,
    network: Network,
    kind: ReplicaKind,
    tensors: readonly NamedTensor[],
    step: number,
  ) {
    this.network = network;
    this.kind = kind;
    this.currentStep = step;
    this.graph = new NetworkGraph(network, hasOneDnnPool(tf));
    this.session = new Session(tf, this.graph.graph);
    for (const { name, channels } of network.statistics) {
      const mean = new Float32Array(channels);
      const variance = new Float32Array(channels).fill(1);
      this.population.set(name, { mean, variance });
    }
    if (tensors.length === 0) return;
    const given = new Set(tensors.map(({ name }) => name));
    const slots = stateLayout(network, kind)
      .filter(({ name }) => this.graph.variables.has(name) && !given.has(name))
      .map((tensor) => ({ ...tensor, values: new Float32Array(sizeOf(tensor.shape)) }));
    this.load([...tensors, ...slots], step);
  }

  /** How many steps the state has behind it. */
  get step(): number {
    return this.currentStep;
  }

  /** True where the classifier has taken a step that the features have not; runs still see the weights before it. */
  get isHalfway(): boolean {
    return this.former.size > 0;
  }

  populationStatistics(): ReadonlyMap<string, PopulationStatistics> {
    return this.population;
  }

  /** What every run on this replica's weights is fed. */
  weightFeeds(): Feed[] {
    return [...this.present, ...this.former].map(([name, { tensor }]) => {
      return [this.graph.variable(name).value, tensor];
    });
  }

  /** One step of Adam on every parameter that has not taken it early, and the new population statistics. */
  apply(update: Update, learningRate: number): void {
    this.takeStep(this.isHalfway ? ["features"] : HALVES, update.gradients, learningRate);
    this.free(this.former);
    this.setPopulation(update.population);
    this.currentStep++;
  }

  /**
   * The classifier's part of `apply`, before the features' gradients are known.
   * @param gradients the classifier's
   * @param present its weights as they are now, by their names, from `alignedFloats`; they must stay so until `apply`
   */
  applyEarly(
    gradients: ReadonlyMap<string, Gradient>,
    learningRate: number,
    present: ReadonlyMap<string, Float32Array>,
  ): void {
    if (this.isHalfway) throw new RangeError("a step within a step");
    this.takeStep(["classifier"], gradients, learningRate);
    this.former = this.fed(present);
  }

  /**
   * Takes over a state that was sent. The arrays become the replica's own.
   * @param tensors tensors that it does not name stay as they are; where no steps are taken, all weights must be there
   */
  load(tensors: readonly NamedTensor[], step: number): void {
    const assigned: Output[] = [];
    this.session.scope((scope) => {
      const feeds: Feed[] = [];
      for (const { name, shape, values } of tensors) {
        const place = this.nextPlace(name) ?? this.place(name);
        if (place instanceof Float32Array) {
          if (!isSame(place, values)) place.set(values);
        } else {
          assigned.push(place.assigned);
          feeds.push([place.fed, scope.tensor(shape, values)]);
        }
      }
      if (assigned.length > 0) scope.run(feeds, assigned);
    });
    if (this.kind === "weights-only") this.turnToNext();
    this.currentStep = step;
  }

  /** Where a weight of the state to be loaded may be written while runs still read those of the present one. */
  nextPlace(name: string): Float32Array | undefined {
    if (this.kind === "with-slots") return undefined;
    if (this.next.size === 0) {
      const { parameters } = this.network;
      const places = alignedFloats(parameters.map(({ shape }) => sizeOf(shape)));
      this.next = new Map(parameters.map((parameter, index) => [parameter.name, places[index]!]));
    }
    return this.next.get(name);
  }

  /**
   * A copy of the state in plain arrays, in the order of `stateLayout`.
   * @throws RangeError halfway, where the slots are not those of the weights
   */
  snapshot(kind: ReplicaKind = this.kind): NamedTensor[] {
    if (this.isHalfway && kind === "with-slots") throw new RangeError("a snapshot halfway");
    return this.session.scope((scope) => {
      const layout = stateLayout(this.network, kind);
      const variables = layout.flatMap(({ name }) => {
        const place = this.place(name);
        return place instanceof Float32Array ? [] : [place.value];
      });
      const tensors = variables.length > 0 ? scope.run([], variables) : [];
      const read = new Map(variables.map((value, index) => [value, tensors[index]!]));
      return layout.map(({ name, shape }) => {
        const place = this.place(name);
        const values =
          place instanceof Float32Array ? place.slice() : scope.floats(read.get(place.value)!);
        return { name, shape, values };
      });
    });
  }

  /**
   * Copies what variables and statistics are now to where it is wanted, large parameters piece by piece: the copies of its
   * own that TensorFlow's binding makes on the way stay in the processor's cache, and are over before V8 looks for them.
   */
  read(wanted: readonly { name: string; into: Float32Array }[]): void {
    this.session.scope((scope) => {
      const outputs = wanted.map(({ name }): readonly Output[] => {
        const variable = this.graph.variables.get(name);
        return variable ? (this.graph.pieces.get(name) ?? [variable.value]) : [];
      });
      const tensors = scope.run([], outputs.flat());
      wanted.forEach(({ name, into }, index) => {
        const count = outputs[index]!.length;
        if (count === 0) into.set(this.statistic(name));
        let offset = 0;
        for (const tensor of tensors.splice(0, count)) {
          const values = scope.floats(tensor);
          into.set(values, offset);
          offset += values.length;
        }
      });
    });
  }

  dispose(): void {
    for (const fed of [this.present, this.former]) this.free(fed);
    this.session.dispose();
  }

  private takeStep(
    halves: readonly Half[],
    given: ReadonlyMap<string, Gradient>,
    learningRate: number,
  ): void {
    const { rate, gradients, done } = this.graph.optimiser;
    if (this.kind !== "with-slots") throw new RangeError("a step on a replica without slots");
    this.session.scope((scope) => {
      const feeds: Feed[] = [
        [rate, scope.tensor([], Float32Array.of(adamRate(learningRate, this.currentStep + 1)))],
      ];
      for (const { name, half } of this.network.parameters) {
        if (!halves.includes(half)) continue;
        const gradient = given.get(name);
        if (!gradient) throw new RangeError(`no gradient for ${name}`);
        feeds.push(...gradientFeeds(scope, gradients.get(name)!, gradient));
      }
      scope.run(
        feeds,
        halves.map((half) => done[half]),
      );
    });
  }

  /** The memory of the present weights is where the ones after the next are written. */
  private turnToNext(): void {
    const values = [...this.present].map(([name, fed]) => [name, fed.values] as const);
    this.free(this.present);
    this.present = this.fed(this.next);
    this.next = new Map(values);
  }

  private fed(weights: ReadonlyMap<string, Float32Array>): Map<string, Fed> {
    const fed = [...weights].map(([name, values]): [string, Fed] => {
      const { shape } = this.graph.variable(name).value;
      return [name, { values, tensor: this.session.keep(shape, values) }];
    });
    return new Map(fed);
  }

  private free(fed: Map<string, Fed>): void {
    for (const { tensor } of fed.values()) this.session.free(tensor);
    fed.clear();
  }

  /** Where the present values of a tensor of `stateLayout` are. */
  private place(name: string): Variable | Float32Array {
    const fed = this.former.get(name) ?? this.present.get(name);
    return fed?.values ?? this.graph.variables.get(name) ?? this.statistic(name);
  }

  /** @param name NAME/pop_mean or NAME/pop_var */
  private statistic(name: string): Float32Array {
    const parts = /^(.*)\/pop_(mean|var)$/.exec(name);
    const population = this.population.get(parts?.[1] ?? "");
    if (!population) throw new RangeError(`no tensor ${name} in this replica`);
    return parts?.[2] === "mean" ? population.mean : population.variance;
  }

  private setPopulation(next: ReadonlyMap<string, PopulationStatistics>): void {
    for (const [name, { mean, variance }] of next) {
      const own = this.population.get(name);
      own?.mean.set(mean);
      own?.variance.set(variance);
    }
  }
}

/** Whether what was written went to its place already. */
function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset;
}

function gradientFeeds(scope: Scope, outputs: GradientOutputs, gradient: Gradient): Feed[] {
  if (gradient.form === "dense") {
    return [[outputs.dense, scope.tensor([...outputs.dense.shape], gradient.values)]];
  }
  if (!outputs.factors) throw new RangeError("factors of a gradient that has none");
  // Σ XₛᵀdYₛ is the product of the Xₛ, put one below the other, with the dYₛ.
  const rows = gradient.shards.reduce((total, shard) => total + shard.rows, 0);
  return (["inputs", "outputs"] as const).map((side): Feed => {
    const values = joined(gradient.shards.map((shard) => shard[side]));
    return [outputs.factors![side], scope.tensor([rows, values.length / rows], values)];
  });
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const all = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
