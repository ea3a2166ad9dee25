// The state of the training in one process: weights, population statistics, and, where it takes steps itself, Adam's slots.
// The coordinator has one, and so has each worker; what the coordinator's does in a step, a worker's can do again bit for bit.
import type { PopulationStatistics } from "../statistics/moments.js";
import { adamRate } from "./adam.js";
import type { Output } from "./graph.js";
import type { GradientOutputs } from "./layers.js";
import { type Network, sizeOf } from "./network.js";
import { NetworkGraph } from "./network-graph.js";
import { hasOneDnnPool, type Variable } from "./ops.js";
import { type Feed, type Scope, Session, type Tensor } from "./session.js";
import { type ReplicaKind, stateLayout } from "./state-layout.js";
import type { TensorFlow } from "./tensorflow.js";
import type { Gradient, NamedTensor, Update } from "./values.js";

export class Replica {
  readonly network: Network;
  readonly kind: ReplicaKind;
  readonly graph: NetworkGraph;
  readonly session: Session;
  private currentStep: number;
  private readonly population = new Map<string, PopulationStatistics>();
  /**
   * The weights of a replica that takes no steps: what was sent is fed to the runs as it is, in the places of the
   * variables' values, and not copied into variables first.
   */
  private readonly sent = new Map<string, Tensor>();

  /**
   * @param tensors those of `stateLayout`; slots that are missing start at zero. The arrays become the replica's own.
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

  populationStatistics(): ReadonlyMap<string, PopulationStatistics> {
    return this.population;
  }

  /** What every run on this replica's weights is fed. */
  weightFeeds(): Feed[] {
    return [...this.sent].map(([name, tensor]) => [this.graph.variable(name).value, tensor]);
  }

  /** One step of Adam on every parameter, and the new population statistics. */
  apply(update: Update, learningRate: number): void {
    const { rate, gradients, done } = this.graph.optimiser;
    if (this.kind !== "with-slots") throw new RangeError("a step on a replica without slots");
    this.session.scope((scope) => {
      const feeds: Feed[] = [
        [rate, scope.tensor([], Float32Array.of(adamRate(learningRate, this.currentStep + 1)))],
      ];
      for (const [name, outputs] of gradients) {
        const gradient = update.gradients.get(name);
        if (!gradient) throw new RangeError(`no gradient for ${name}`);
        feeds.push(...gradientFeeds(scope, outputs, gradient));
      }
      scope.run(feeds, [done]);
    });
    this.setPopulation(update.population);
    this.currentStep++;
  }

  /** Takes over a state that was sent; tensors that it does not name stay as they are. The arrays become its own. */
  load(tensors: readonly NamedTensor[], step: number): void {
    const assigned: Output[] = [];
    this.session.scope((scope) => {
      const feeds: Feed[] = [];
      for (const { name, shape, values } of tensors) {
        const place = this.place(name);
        if (isStatistic(place)) {
          place.set(values);
        } else if (this.kind === "with-slots") {
          assigned.push(place.assigned);
          feeds.push([place.fed, scope.tensor(shape, values)]);
        } else {
          this.takeSent(name, this.session.keep(shape, values));
        }
      }
      if (assigned.length > 0) scope.run(feeds, assigned);
    });
    this.currentStep = step;
  }

  /** A copy of the state in plain arrays, in the order of `stateLayout`. */
  snapshot(kind: ReplicaKind = this.kind): NamedTensor[] {
    return this.session.scope((scope) => {
      const layout = stateLayout(this.network, kind);
      const names = layout.map(({ name }) => name).filter((name) => !isStatistic(this.place(name)));
      const read = names.map((name) => this.graph.variable(name).value);
      const tensors = this.sent.size > 0 ? [] : scope.run([], read);
      const found = new Map(
        names.map((name, index) => [name, this.sent.get(name) ?? tensors[index]]),
      );
      return layout.map(({ name, shape }) => {
        const place = this.place(name);
        const values = isStatistic(place) ? place.slice() : scope.floats(found.get(name)!);
        return { name, shape, values };
      });
    });
  }

  dispose(): void {
    for (const tensor of this.sent.values()) this.session.free(tensor);
    this.sent.clear();
    this.session.dispose();
  }

  private takeSent(name: string, tensor: Tensor): void {
    const former = this.sent.get(name);
    if (former) this.session.free(former);
    this.sent.set(name, tensor);
  }

  /** Where the values of a tensor of `stateLayout` are kept. */
  private place(name: string): Variable | Float32Array {
    const variable = this.graph.variables.get(name);
    if (variable) return variable;
    const statistic = /^(.*)\/pop_(mean|var)$/.exec(name);
    const population = this.population.get(statistic?.[1] ?? "");
    if (!population) throw new RangeError(`no tensor ${name} in this replica`);
    return statistic?.[2] === "mean" ? population.mean : population.variance;
  }

  private setPopulation(next: ReadonlyMap<string, PopulationStatistics>): void {
    for (const [name, { mean, variance }] of next) {
      const own = this.population.get(name);
      own?.mean.set(mean);
      own?.variance.set(variance);
    }
  }
}

function isStatistic(place: Variable | Float32Array): place is Float32Array {
  return place instanceof Float32Array;
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
