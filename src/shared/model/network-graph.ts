// A network as TensorFlow runs it: one graph with the weights and slots as variables, the way forward and back, inference,
// and Adam's step. A run takes of it what is needed for what it fetches.
import { ADAM } from "./adam.js";
import { DataType, Graph, type GraphRun, type Output } from "./graph.js";
import {
  type Backward,
  forwardLayer,
  type GradientOutputs,
  inferLayer,
  type Trace,
} from "./layers.js";
import { type Half, HALVES, isFactored, type LayerSpec, type Network, sizeOf } from "./network.js";
import { type MomentOutputs, Ops, type Variable } from "./ops.js";
import { PIECE_BYTES } from "./state-layout.js";

/** Forward and backward over a shard, with the shard's own batch statistics. */
export interface TrainingOutputs {
  /** Fed: [N,H,W,1], int32 [N], [1,N] of 1/N, 1/(size of the global batch). */
  images: Output;
  labels: Output;
  sampleWeights: Output;
  lossScale: Output;
  /** Cross-entropy of each sample. */
  losses: Output;
  moments: ReadonlyMap<string, MomentOutputs>;
  /** In the order in which the way back comes to them. */
  gradients: ReadonlyMap<string, GradientOutputs>;
}

/** With the population statistics. */
export interface InferenceOutputs {
  images: Output;
  labels: Output;
  /** Fed, by their names in a state: NAME/pop_mean and NAME/pop_var. */
  statistics: ReadonlyMap<string, Output>;
  /** [N,C] */
  logits: Output;
  probabilities: Output;
  losses: Output;
}

/** One step of Adam on every parameter. */
export interface OptimiserOutputs {
  rate: Output;
  /** The gradient may be fed itself; a dense kernel's is the product of its factors where those are. */
  gradients: ReadonlyMap<string, GradientOutputs>;
  done: Readonly<Record<Half, Output>>;
}

/**
 * A shard's way forward and back through the classifier, and the rest of the way back, through the features: the
 * classifier's gradients are on their way to the coordinator meanwhile. The second is missing where there are no features.
 */
export interface TrainingRuns {
  /** The gradients that are carried as factors. */
  factored: ReadonlySet<string>;
  first: GraphRun;
  second: GraphRun | undefined;
}

export class NetworkGraph {
  readonly graph = new Graph();
  readonly network: Network;
  /** By their names in a state: parameters, and Adam's slots as adam/m/NAME and adam/v/NAME. */
  readonly variables: ReadonlyMap<string, Variable>;
  readonly training: TrainingOutputs;
  readonly inference: InferenceOutputs;
  readonly optimiser: OptimiserOutputs;
  /** The values of the parameters, large ones in pieces of some rows each. */
  readonly pieces: ReadonlyMap<string, readonly Output[]>;
  private readonly ops: Ops;
  private readonly runs = new Map<number, TrainingRuns>();

  /** @param hasOneDnnPool see `Ops` */
  constructor(network: Network, hasOneDnnPool: boolean) {
    this.network = network;
    this.ops = new Ops(this.graph, hasOneDnnPool);
    this.variables = this.addVariables();
    this.training = this.addTraining();
    this.inference = this.graph.within("inference", () => this.addInference());
    this.optimiser = this.graph.within("adam", () => this.addOptimiser());
    this.pieces = new Map(network.parameters.map(({ name }) => [name, this.addPieces(name)]));
  }

  variable(name: string): Variable {
    const variable = this.variables.get(name);
    if (!variable) throw new RangeError(`no variable ${name} in this network`);
    return variable;
  }

  /** @param largestShard samples of the run's largest shard; it decides which gradients are factored */
  trainingRuns(largestShard: number): TrainingRuns {
    let runs = this.runs.get(largestShard);
    if (!runs) {
      runs = this.cut(largestShard);
      this.runs.set(largestShard, runs);
    }
    return runs;
  }

  private cut(largestShard: number): TrainingRuns {
    const { gradients, losses, moments } = this.training;
    const { parameters } = this.network;
    const factored = new Set(
      parameters
        .filter((parameter) => isFactored(parameter, largestShard))
        .map((parameter) => parameter.name),
    );
    const outputsOf = (half: Half) =>
      parameters.flatMap((parameter) => {
        if (parameter.half !== half) return [];
        const { dense, factors } = gradients.get(parameter.name)!;
        return factors && factored.has(parameter.name)
          ? [factors.inputs, factors.outputs]
          : [dense];
      });
    const ofMoments = [...moments.values()].flatMap(({ mean, variance }) => [mean, variance]);
    const rest = outputsOf("features");
    const [first, second] = this.graph.cut([
      [losses, ...ofMoments, ...outputsOf("classifier")],
      rest,
    ]) as [GraphRun, GraphRun];
    return { factored, first, second: rest.length > 0 ? second : undefined };
  }

  private addPieces(name: string): Output[] {
    const { value } = this.variable(name);
    const [rows = 1, ...sides] = value.shape;
    const most = Math.max(1, Math.floor(PIECE_BYTES / (4 * sizeOf(sides))));
    if (rows <= most) return [value];
    const sizes = Array.from({ length: Math.ceil(rows / most) }, (_, index) =>
      Math.min(most, rows - index * most),
    );
    return this.graph.within(name, () => this.ops.split(value, sizes));
  }

  private addVariables(): Map<string, Variable> {
    const names = this.network.parameters.flatMap(({ name, shape }) =>
      [name, `adam/m/${name}`, `adam/v/${name}`].map((each) => [each, shape] as const),
    );
    return new Map(names.map(([name, shape]) => [name, this.ops.variable(name, shape)]));
  }

  private addTraining(): TrainingOutputs {
    const { ops, graph, network } = this;
    const { images, labels } = this.samples();
    const sampleWeights = ops.placeholder("sample_weights", [1, -1]);
    const trace: Trace = { gradients: new Map(), moments: new Map() };
    const weight = (name: string) => this.variable(name).value;
    const context = { ops, weight, sampleWeights, trace };
    let x = images;
    const ways = scoped(network.layers).map(({ scope, layer }) => {
      const { y, backward } = graph.within(scope, () => forwardLayer(layer, x, context));
      x = y;
      return { scope, backward };
    });
    const { lossScale, losses, dLogits } = graph.within("loss", () => {
      const scale = ops.placeholder("scale", []);
      const loss = ops.softmaxCrossEntropy(x, labels);
      return {
        lossScale: scale,
        losses: loss.losses,
        dLogits: ops.multiply(loss.dLogits, scale),
      };
    });
    graph.within("gradients", () => this.goBack(ways, dLogits));
    const { gradients, moments } = trace;
    return { images, labels, sampleWeights, lossScale, losses, moments, gradients };
  }

  private goBack(ways: readonly { scope: string; backward: Backward }[], dLogits: Output): void {
    let dy: Output | undefined = dLogits;
    ways.toReversed().forEach(({ scope, backward }, index) => {
      const gradient: Output | undefined = dy;
      const needsInput = index < ways.length - 1;
      if (gradient) dy = this.graph.within(scope, () => backward(gradient, needsInput));
    });
  }

  private addInference(): InferenceOutputs {
    const { ops, graph, network } = this;
    const { images, labels } = this.samples();
    const statistics = new Map(
      network.statistics.flatMap(({ name, channels }) =>
        [`${name}/pop_mean`, `${name}/pop_var`].map((each) => [
          each,
          ops.placeholder(each, [channels]),
        ]),
      ),
    );
    const weight = (name: string) => statistics.get(name) ?? this.variable(name).value;
    let x = images;
    for (const { scope, layer } of scoped(network.layers)) {
      x = graph.within(scope, () => inferLayer(layer, x, ops, weight));
    }
    const { losses } = ops.softmaxCrossEntropy(x, labels);
    return { images, labels, statistics, logits: x, probabilities: ops.softmax(x), losses };
  }

  private addOptimiser(): OptimiserOutputs {
    const { ops, graph, network } = this;
    const rate = ops.placeholder("rate", []);
    const gradients = new Map<string, GradientOutputs>();
    const steps = network.parameters.map(({ name, shape, isDenseKernel, half }) => {
      const node = graph.within(name, () => {
        const gradient = isDenseKernel
          ? this.factoredGradient(shape)
          : { dense: ops.placeholder("gradient", shape) };
        gradients.set(name, gradient);
        const variables = {
          weight: this.variable(name),
          m: this.variable(`adam/m/${name}`),
          v: this.variable(`adam/v/${name}`),
        };
        return ops.applyAdam(variables, gradient.dense, rate, ADAM);
      });
      return { half, node };
    });
    const done = HALVES.map((half) => {
      const nodes = steps.flatMap((step) => (step.half === half ? [step.node] : []));
      return [half, ops.done(half, nodes)] as const;
    });
    return { rate, gradients, done: Object.fromEntries(done) as Record<Half, Output> };
  }

  private factoredGradient(shape: readonly number[]): GradientOutputs {
    const { ops } = this;
    const [inputs, outputs] = [
      ops.placeholder("inputs", [-1, shape[0]!]),
      ops.placeholder("outputs", [-1, shape[1]!]),
    ];
    return { dense: ops.transposedMatMul(inputs, outputs), factors: { inputs, outputs } };
  }

  private samples(): { images: Output; labels: Output } {
    const { height, width } = this.network.image;
    return {
      images: this.ops.placeholder("images", [-1, height, width, 1]),
      labels: this.ops.placeholder("labels", [-1], DataType.int32),
    };
  }
}

/** Each layer with the scope of its nodes: its own name, or that of the last convolution or dense layer. */
function scoped(layers: readonly LayerSpec[]): { scope: string; layer: LayerSpec }[] {
  let scope = "";
  return layers.map((layer) => {
    if (layer.kind === "batch-norm") return { scope: layer.name, layer };
    if ("name" in layer) scope = layer.name;
    return { scope, layer };
  });
}
