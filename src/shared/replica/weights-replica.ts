// A replica that is sent its weights: a worker's with `--broadcast weights`, and that of an evaluation. Weights are fed to
// runs from where they arrived; while the next ones arrive, runs still read the present ones.
import type { Engine, Feed, Session, Tensor } from "../engine/engine.js";
import { NetworkGraph } from "../graph/network-graph.js";
import { sizeOf } from "../network/network.js";
import type { RunLayout } from "../run-layout.js";
import { Population } from "./population.js";
import type { Replica } from "./replica.js";
import type { NamedTensor } from "./tensors.js";

/** One of two places for a parameter's values. */
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
  private readonly present = new Map<string, Place>();
  /** Of parameters that steps change: where the next state's values are written. */
  private readonly next = new Map<string, Place>();

  /** The state is all zeros until `load`. */
  constructor(layout: RunLayout, engine: Engine) {
    this.layout = layout;
    const { loss, optimizer, batchNorm } = layout.config;
    this.graph = new NetworkGraph(layout.network, loss, optimizer, batchNorm);
    this.session = engine.open(this.graph.graph);
    this.population = new Population(layout.network.statistics);
    const { parameters } = layout.network;
    this.allocate(this.present, parameters);
    this.allocate(
      this.next,
      parameters.filter(({ trainable }) => trainable),
    );
  }

  get step(): number {
    return this.completedSteps;
  }

  weightFeeds(): Feed[] {
    return [...this.present].map(([name, { tensor }]) => [this.graph.variable(name), tensor]);
  }

  /** Where a weight of the state to be loaded may be written while runs still read the present one. */
  nextPlace(name: string): Float32Array | undefined {
    return this.next.get(name)?.values;
  }

  /**
   * Takes over a state.
   * @param tensors all that steps change, in the places of `nextPlace` or elsewhere; others stay as they are
   */
  load(tensors: readonly NamedTensor[], step: number): void {
    for (const { name, values } of tensors) {
      const place =
        this.next.get(name)?.values ??
        this.present.get(name)?.values ??
        this.population.tensor(name);
      if (!place) throw new RangeError(`no tensor ${name} in this replica`);
      if (!isSameMemory(place, values)) place.set(values);
    }
    for (const [name, next] of this.next) {
      this.next.set(name, this.present.get(name)!);
      this.present.set(name, next);
    }
    this.completedSteps = step;
  }

  /** The present value of a tensor of the state. */
  tensor(name: string): Float32Array {
    const values = this.present.get(name)?.values ?? this.population.tensor(name);
    if (!values) throw new RangeError(`no tensor ${name} in this replica`);
    return values;
  }

  dispose(): void {
    for (const places of [this.present, this.next]) {
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

/** Whether values were written to their place already. */
function isSameMemory(a: Float32Array, b: Float32Array): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset;
}
