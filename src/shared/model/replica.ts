// The state of the training in one process: weights, population statistics, and, where it takes steps itself, Adam's slots.
// The coordinator has one, and so has each worker; what the coordinator's does in a step, a worker's can do again bit for bit.
import type { PopulationStatistics } from "../statistics/moments.js";
import { ADAM, adamRate } from "./adam.js";
import { type Network, sizeOf } from "./network.js";
import type { Ops } from "./ops.js";
import { type ReplicaKind, stateLayout } from "./state-layout.js";
import type { Tensor } from "./tensorflow.js";
import { Variable } from "./variable.js";
import type { Gradient, NamedTensor, Update } from "./values.js";

interface Slots {
  m: Variable;
  v: Variable;
}

export class Replica {
  readonly ops: Ops;
  readonly network: Network;
  readonly kind: ReplicaKind;
  private currentStep: number;
  private readonly weights = new Map<string, Variable>();
  private readonly slots = new Map<string, Slots>();
  private readonly population = new Map<string, PopulationStatistics>();

  /**
   * @param tensors those of `stateLayout`; slots that are missing start at zero. The arrays become the replica's own.
   * @param step how many steps the state has behind it
   */
  constructor(
    ops: Ops,
    network: Network,
    kind: ReplicaKind,
    tensors: readonly NamedTensor[],
    step: number,
  ) {
    this.ops = ops;
    this.network = network;
    this.kind = kind;
    this.currentStep = step;
    const values = new Map(tensors.map((tensor) => [tensor.name, tensor.values]));
    for (const { name, shape } of network.parameters) {
      const zeros = () => new Float32Array(sizeOf(shape));
      this.weights.set(name, ops.variable(shape, values.get(name) ?? zeros()));
      if (kind === "weights-only") continue;
      const [m, v] = ["m", "v"].map((slot) =>
        ops.variable(shape, values.get(`adam/${slot}/${name}`) ?? zeros()),
      ) as [Variable, Variable];
      this.slots.set(name, { m, v });
    }
    for (const { name, channels } of network.statistics) {
      this.population.set(name, {
        mean: values.get(`${name}/pop_mean`) ?? new Float32Array(channels),
        variance: values.get(`${name}/pop_var`) ?? new Float32Array(channels).fill(1),
      });
    }
  }

  /** How many steps the state has behind it. */
  get step(): number {
    return this.currentStep;
  }

  /** The present weights by name, as TensorFlow holds them; to be called and used within one `ops.tidy`. */
  reader(): (name: string) => Tensor {
    return (name) => {
      const place = this.place(name);
      return place instanceof Variable ? place.read() : this.ops.tf.tensor1d(place);
    };
  }

  populationStatistics(): ReadonlyMap<string, PopulationStatistics> {
    return this.population;
  }

  /** One step of Adam on every parameter, and the new population statistics. */
  apply(update: Update, learningRate: number): void {
    const rate = adamRate(learningRate, this.currentStep + 1);
    this.ops.tidy(() => {
      for (const { name, shape } of this.network.parameters) {
        const weight = this.weights.get(name);
        const slots = this.slots.get(name);
        const gradient = update.gradients.get(name);
        if (!weight || !slots || !gradient)
          throw new RangeError(`no gradient or slots for ${name}`);
        this.ops.applyAdam({ weight, ...slots }, this.gradientTensor(gradient, shape), rate, ADAM);
      }
    });
    this.setPopulation(update.population);
    this.currentStep++;
  }

  /** Takes over a state that was sent; tensors that it does not name stay as they are. The arrays become its own. */
  load(tensors: readonly NamedTensor[], step: number): void {
    for (const { name, values } of tensors) {
      const place = this.place(name);
      if (place instanceof Variable) place.assign(values);
      else place.set(values);
    }
    this.currentStep = step;
  }

  /** A copy of the state in plain arrays, in the order of `stateLayout`. */
  snapshot(kind: ReplicaKind = this.kind): NamedTensor[] {
    return this.ops.tidy(() =>
      stateLayout(this.network, kind).map(({ name, shape }) => ({
        name,
        shape,
        values: this.valuesOf(name),
      })),
    );
  }

  dispose(): void {
    for (const variable of this.weights.values()) variable.dispose();
    for (const { m, v } of this.slots.values()) {
      m.dispose();
      v.dispose();
    }
  }

  private valuesOf(name: string): Float32Array {
    const place = this.place(name);
    return place instanceof Variable ? (place.read().dataSync() as Float32Array) : place.slice();
  }

  /** Where the values of a tensor of `stateLayout` are kept. */
  private place(name: string): Variable | Float32Array {
    const slot = /^adam\/([mv])\/(.*)$/.exec(name);
    const variable = slot
      ? this.slots.get(slot[2]!)?.[slot[1] as keyof Slots]
      : this.weights.get(name);
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

  private gradientTensor(gradient: Gradient, shape: number[]): Tensor {
    const { tf } = this.ops;
    if (gradient.form === "dense") return tf.tensor(gradient.values, shape, "float32");
    // Σ XₛᵀdYₛ is the product of the Xₛ, put one below the other, with the dYₛ.
    const rows = gradient.shards.reduce((total, shard) => total + shard.rows, 0);
    const inputs = joined(gradient.shards.map((shard) => shard.inputs));
    const outputs = joined(gradient.shards.map((shard) => shard.outputs));
    const x = tf.tensor2d(inputs, [rows, inputs.length / rows], "float32");
    const dy = tf.tensor2d(outputs, [rows, outputs.length / rows], "float32");
    return this.ops.transposedMatMul(x, dy);
  }
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
