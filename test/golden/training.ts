// A case of networks.json trained on an engine: the network's graph run shard by shard, the results added up, and the
// optimizer's step taken, with as little of the coordinator as possible.
import type { Engine, Feed, Session, TensorScope } from "../../src/shared/engine/engine.js";
import type { Value } from "../../src/shared/graph/graph.js";
import { NetworkGraph } from "../../src/shared/graph/network-graph.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { sizeOf } from "../../src/shared/network/network.js";
import type { OptimizerSpec } from "../../src/shared/optimizer/optimizer.js";
import { decayFactor, stepRate } from "../../src/shared/optimizer/rates.js";
import {
  mergeMoments,
  type Moments,
  nextPopulation,
  type PopulationStatistics,
} from "../../src/shared/statistics/moments.js";
import {
  BATCH_SIZE,
  drawSamples,
  golden,
  type GoldenCase,
  type GoldenSamples,
  networkOf,
} from "./fixture.js";

export interface TrainedStep {
  loss: number;
  gradients: ReadonlyMap<string, Float32Array>;
  moments: ReadonlyMap<string, Moments>;
  population: ReadonlyMap<string, PopulationStatistics>;
  parameters: ReadonlyMap<string, Float32Array>;
}

type BatchResult = Pick<TrainedStep, "loss" | "gradients" | "moments">;

export function trainCase(
  engine: Pick<Engine, "open">,
  goldenCase: GoldenCase,
  optimizer: OptimizerSpec,
  learningRate: number,
  steps: number,
): TrainedStep[] {
  const graph = new NetworkGraph(networkOf(goldenCase), goldenCase.loss, optimizer);
  const samples = drawSamples(goldenCase);
  const session = engine.open(graph.graph);
  try {
    let population = loadInitial(session, graph);
    return Array.from({ length: steps }, (_, step) => {
      const result = computeBatch(session, graph, samples, step * BATCH_SIZE);
      takeStep(session, graph, result.gradients, {
        rate: stepRate(optimizer, learningRate, step + 1),
        decay: decayFactor(optimizer, learningRate),
      });
      population = new Map(
        graph.network.statistics.map(({ name, momentum }) => [
          name,
          nextPopulation(population.get(name)!, result.moments.get(name)!, momentum),
        ]),
      );
      return { ...result, population, parameters: readParameters(session, graph) };
    });
  } finally {
    session.dispose();
  }
}

/** @returns the population statistics to start with */
function loadInitial(
  session: Session,
  { network, variables }: NetworkGraph,
): ReadonlyMap<string, PopulationStatistics> {
  const tensors = initialTensors(network, golden.seed);
  session.write(tensors.filter(({ name }) => variables.has(name)));
  const values = new Map(tensors.map((tensor) => [tensor.name, tensor.values]));
  return new Map(
    network.statistics.map(({ name }) => [
      name,
      { mean: values.get(`${name}/pop_mean`)!, variance: values.get(`${name}/pop_var`)! },
    ]),
  );
}

function computeBatch(
  session: Session,
  graph: NetworkGraph,
  samples: GoldenSamples,
  first: number,
): BatchResult {
  let from = first;
  const shards = golden.shards.map((count) => {
    const result = computeShard(session, graph, samples, from, count);
    from += count;
    return result;
  });
  const names = [...graph.training.gradients.keys()];
  return {
    loss: shards.reduce((sum, { loss }) => sum + loss, 0),
    gradients: new Map(
      names.map((name) => [name, addArrays(shards.map(({ gradients }) => gradients.get(name)!))]),
    ),
    moments: new Map(
      [...graph.training.moments.keys()].map((name) => [
        name,
        mergeMoments(shards.map(({ moments }) => moments.get(name)!)),
      ]),
    ),
  };
}

function computeShard(
  session: Session,
  { network, training }: NetworkGraph,
  { inputSize, targetSize, inputs, targets }: GoldenSamples,
  from: number,
  count: number,
): BatchResult {
  const { statistics } = network;
  return session.scope((scope) => {
    const targetShape = targets instanceof Int32Array ? [count] : [count, targetSize];
    const feeds: Feed[] = [
      [
        training.inputs,
        scope.tensor(
          [count, ...network.inputShape],
          inputs.slice(from * inputSize, (from + count) * inputSize),
        ),
      ],
      [
        training.targets,
        scope.tensor(targetShape, targets.slice(from * targetSize, (from + count) * targetSize)),
      ],
      [training.lossScale, scope.tensor([], Float32Array.of(1 / BATCH_SIZE))],
    ];
    const gradients = [...training.gradients].map(([name, { dense }]) => [name, dense] as const);
    const moments = statistics.map((layer) => ({ layer, ...training.moments.get(layer.name)! }));
    const found = fetchFloats(scope, feeds, [
      training.losses,
      ...gradients.map(([, value]) => value),
      ...moments.flatMap(({ mean, variance }) => [mean, variance]),
    ]);
    return {
      loss: found(training.losses).reduce((sum, loss) => sum + loss, 0) / BATCH_SIZE,
      gradients: new Map(gradients.map(([name, value]) => [name, found(value)])),
      moments: new Map(
        moments.map(({ layer, mean, variance }) => [
          layer.name,
          {
            count: count * layer.valuesPerSample,
            mean: found(mean),
            variance: found(variance),
          },
        ]),
      ),
    };
  });
}

function fetchFloats(
  scope: TensorScope,
  feeds: readonly Feed[],
  values: readonly Value[],
): (value: Value) => Float32Array {
  const tensors = scope.run(feeds, values);
  return (value) => scope.floats(tensors[values.indexOf(value)]!);
}

function takeStep(
  session: Session,
  { optimizer }: NetworkGraph,
  gradients: ReadonlyMap<string, Float32Array>,
  { rate, decay }: { rate: number; decay: number },
): void {
  session.scope((scope) => {
    const scalar = (value: number) => scope.tensor([], Float32Array.of(value));
    const feeds: Feed[] = [[optimizer.rate, scalar(rate)]];
    if (optimizer.decayFactor) feeds.push([optimizer.decayFactor, scalar(decay)]);
    for (const [name, { dense }] of optimizer.gradients) {
      feeds.push([dense, scope.tensor(dense.shape, gradients.get(name)!)]);
    }
    scope.run(feeds, [...optimizer.steps.values()]);
  });
}

function readParameters(session: Session, { network }: NetworkGraph): Map<string, Float32Array> {
  const tensors = network.parameters.map(({ name, shape }) => {
    return { name, into: new Float32Array(sizeOf(shape)) };
  });
  session.read(tensors);
  return new Map(tensors.map(({ name, into }) => [name, into]));
}

/** In float64, rounded once. */
function addArrays(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts[0]!, (_, index) =>
    parts.reduce((sum, part) => sum + part[index]!, 0),
  );
}
