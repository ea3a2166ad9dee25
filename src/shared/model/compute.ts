// What a worker does: forward and backward over a shard, and inference on a piece of a data set.
import type { Samples } from "../data/dataset.js";
import type { GraphRun, Output } from "./graph.js";
import type { Half } from "./network.js";
import type { Replica } from "./replica.js";
import type { Scope, Tensor } from "./session.js";
import type { EvaluationResult, Gradient, ShardResult } from "./values.js";

/** value/255 as float32, for every byte. */
const SCALED = Float32Array.from({ length: 256 }, (_, value) => value / 255);

function imageTensor(replica: Replica, { count, pixels }: Samples, scope: Scope): Tensor {
  const { height, width } = replica.network.image;
  const values = new Float32Array(pixels.length);
  for (let index = 0; index < values.length; index++) values[index] = SCALED[pixels[index]!]!;
  return scope.tensor([count, height, width, 1], values);
}

function labelTensor({ count, labels }: Samples, scope: Scope): Tensor {
  return scope.tensor([count], Int32Array.from(labels));
}

/**
 * The shard's part in the step: with the shard's own batch statistics, differentiated through.
 * @param samples at least one
 * @param batchSize samples of the global batch, over which the loss is the mean
 * @param largestShard samples of the largest shard; it decides the form of the gradients (`isFactored`)
 * @param onClassifier is given the classifier's gradients as soon as they are there, while the features are still to be gone
 * back through
 */
export function shardResult(
  replica: Replica,
  samples: Samples,
  batchSize: number,
  largestShard: number,
  onClassifier?: (gradients: ReadonlyMap<string, Gradient>) => void,
): ShardResult {
  const { graph, session, network } = replica;
  const { training } = graph;
  const { factored, first, second } = graph.trainingRuns(largestShard);
  const { count } = samples;
  return session.scope((scope) => {
    const tensors = new Map<Output, Tensor>([
      [training.images, imageTensor(replica, samples, scope)],
      [training.labels, labelTensor(samples, scope)],
      [training.sampleWeights, scope.tensor([1, count], new Float32Array(count).fill(1 / count))],
      [training.lossScale, scope.tensor([], Float32Array.of(1 / batchSize))],
    ]);
    const weights = replica.weightFeeds();
    const run = ({ feeds, fetches }: GraphRun) => {
      const fed = feeds.map((output) => [output, tensors.get(output)!] as const);
      const found = scope.run([...weights, ...fed], fetches);
      fetches.forEach((output, index) => tensors.set(output, found[index]!));
    };
    const floats = (output: Output) => scope.floats(tensors.get(output)!);
    const gradientsOf = (half: Half) =>
      network.parameters.flatMap(({ name, half: own }): [string, Gradient][] => {
        if (own !== half) return [];
        const { dense, factors } = training.gradients.get(name)!;
        if (!factors || !factored.has(name)) {
          return [[name, { form: "dense", values: floats(dense) }]];
        }
        const { inputs, outputs } = factors;
        const shard = { rows: count, inputs: floats(inputs), outputs: floats(outputs) };
        return [[name, { form: "factors", shards: [shard] }]];
      });
    run(first);
    const classifier = gradientsOf("classifier");
    onClassifier?.(new Map(classifier));
    if (second) run(second);
    const moments = network.statistics.map(({ name, valuesPerSample }) => {
      const { mean, variance } = training.moments.get(name)!;
      const values = { mean: floats(mean), variance: floats(variance) };
      return [name, { count: count * valuesPerSample, ...values }] as const;
    });
    return {
      loss: sum(floats(training.losses)) / batchSize,
      gradients: new Map([...classifier, ...gradientsOf("features")]),
      moments: new Map(moments),
    };
  });
}

/** Outputs of the graph's inference, with the population statistics. */
function inferred(
  replica: Replica,
  samples: Samples,
  fetches: readonly Output[],
  scope: Scope,
): Float32Array[] {
  const { images, labels, statistics } = replica.graph.inference;
  const population = replica.populationStatistics();
  const ofStatistics = replica.network.statistics.flatMap(({ name, channels }) => {
    const { mean, variance } = population.get(name)!;
    return [
      [statistics.get(`${name}/pop_mean`)!, scope.tensor([channels], mean)],
      [statistics.get(`${name}/pop_var`)!, scope.tensor([channels], variance)],
    ] as const;
  });
  const feeds = [
    [images, imageTensor(replica, samples, scope)],
    [labels, labelTensor(samples, scope)],
    ...replica.weightFeeds(),
    ...ofStatistics,
  ] as const;
  return scope.run(feeds, fetches).map((tensor) => scope.floats(tensor));
}

/** Classes and losses with the population statistics. */
export function evaluationResult(replica: Replica, samples: Samples): EvaluationResult {
  const { session, graph, network } = replica;
  return session.scope((scope) => {
    const fetches = [graph.inference.logits, graph.inference.losses];
    const [logits, losses] = inferred(replica, samples, fetches, scope);
    return { predictions: rowMaxima(logits!, network.classCount), lossSum: sum(losses!) };
  });
}

/** [samples × classes]: softmax of the logits, with the population statistics. Labels are not looked at. */
export function classProbabilities(replica: Replica, samples: Samples): Float32Array {
  const fetches = [replica.graph.inference.probabilities];
  return replica.session.scope((scope) => inferred(replica, samples, fetches, scope)[0]!);
}

/** In float64 and in order, so that it is the same wherever it is added up. */
function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The column of each row's largest value; the first of equal ones. */
function rowMaxima(values: Float32Array, columns: number): Uint8Array {
  const maxima = new Uint8Array(values.length / columns);
  for (let row = 0; row < maxima.length; row++) {
    let best = 0;
    for (let column = 1; column < columns; column++) {
      if (values[row * columns + column]! > values[row * columns + best]!) best = column;
    }
    maxima[row] = best;
  }
  return maxima;
}
