// A replica that receives its weights: a worker's with `--broadcast weights`, and that of an evaluation. Runs read the weights
// from the memory that they were received in; while the next ones arrive, runs still read the current ones.
import type { Engine, Feed, Session, Tensor } from "../engine/engine.js";
import { NetworkGraph } from "../graph/network-graph.js";
import { sizeOf } from "../network/network.js";
import type { RunLayout } from "../run-layout.js";
import { Population } from "./population.js";
import type { Replica } from "./replica.js";
import type { NamedTensor } from "./tensors.js";

/** One of two buffers for a parameter's values. */
interface Place {
  values: Float32Array;
  tensor: Tensor;
}

export class WeightsReplica implements Replica {
  readonly layout: RunLayout;
  readonly graph: NetworkGraph;
  readonly session: Session;
  readonly population: Population;
  private completedSteps = -1;
  private readonly current = new Map<string, Place>();
  /** For trainable parameters: where the next state's values are written. */
  private readonly next = new Map<string, Place>();

  /** The state is all zeros until `load`. */
  constructor(layout: RunLayout, engine: Engine) {
    this.layout = layout;
    const { loss, optimizer, batchNorm } = layout.config;
    this.graph = new NetworkGraph(layout.network, loss, optimizer, batchNorm);
    this.session = engine.open(this.graph.graph);
    this.population = new Population(layout.network.statistics);
    const { parameters } = layout.network;
    this.allocate(this.current, parameters);
    this.allocate(
      this.next,
      parameters.filter(({ trainable }) => trainable),
    );
  }

  get step(): number {
    return this.completedSteps;
  }

  weightFeeds(): Feed[] {
    return [...this.current].map(([name, { tensor }]) => [this.graph.variable(name), tensor]);
  }

  /** Memory that a weight of the next state may be written to while runs still read the current one. */
  nextPlace(name: string): Float32Array | undefined {
    return this.next.get(name)?.values;
  }

  /**
   * Loads a state.
   * @param tensors everything that a step changes, in the memory of `nextPlace` or elsewhere; others keep their values
   */
  load(tensors: readonly NamedTensor[], step: number): void {
    for (const { name, values } of tensors) {
      const place =
        this.next.get(name)?.values ??
        this.current.get(name)?.values ??
        this.population.tensor(name);
      if (!place) throw new RangeError(`no tensor ${name} in this replica`);
      if (!isSameMemory(place, values)) place.set(values);
    }
    for (const [name, next] of this.next) {
      this.next.set(name, this.current.get(name)!);
      this.current.set(name, next);
    }
    this.completedSteps = step;
  }

  /** The current value of a tensor of the state. */
  tensor(name: string): Float32Array {
    const values = this.current.get(name)?.values ?? this.population.tensor(name);
    if (!values) throw new RangeError(`no tensor ${name} in this replica`);
    return values;
  }

  dispose(): void {
    for (const places of [this.current, this.next]) {
      for (const { tensor } of places.values()) this.session.free(tensor);
    }
    this.session.dispose();
  }

  private allocate(
    places: Map<string, Place>,
    parameters: RunLayout["network"]["parameters"],
  ): void {
    const arrays = this.session.allocate(parameters.map(({ shape }) => sizeOf(shape)));
    parameters.forEach(({ name, shape }, index) => {
      const values = arrays[index]!;
      places.set(name, { values, tensor: this.session.keep(shape, values) });
    });
  }
}

/** Whether values are in their place already. */
function isSameMemory(a: Float32Array, b: Float32Array): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset;
}
