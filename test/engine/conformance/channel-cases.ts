// Cases of ops that treat each channel separately: biases and batch normalisation.
import type { Value } from "../../../src/shared/graph/graph.js";
import { type CaseGraph, type OpCase, type OpCases, SUM } from "./op-case.js";

/** Images, features, one sample, one pixel, and sequences. */
const CHANNEL_SHAPES = [
  [5, 3, 4, 6],
  [1, 3, 4, 6],
  [7, 1, 1, 5],
  [9, 4],
  [1, 4],
  [3, 5, 2],
] as const;

const EPSILON = 1e-3;

function channelCases(build: (graph: CaseGraph, shape: readonly number[]) => Value[]): OpCase[] {
  return CHANNEL_SHAPES.map((shape) => ({
    name: `[${shape.join()}]`,
    tolerance: SUM,
    build: (graph) => build(graph, shape),
  }));
}

/** dY, x and its moments. */
function normalisedInputs(graph: CaseGraph, shape: readonly number[]) {
  const [dy, x] = [graph.samples(shape), graph.samples(shape)];
  return { dy, x, moments: graph.moments(x), scale: graph.fixed([shape.at(-1)!]) };
}

type Kinds =
  | "bias-add"
  | "bias-gradient"
  | "moments"
  | "normalise"
  | "batch-norm-gradient"
  | "batch-norm-sums"
  | "batch-norm-input-gradient";

export const CHANNEL_CASES: OpCases<Kinds> = {
  "bias-add": channelCases((graph, shape) => [
    graph.biasAdd(graph.samples(shape), graph.fixed([shape.at(-1)!])),
  ]),
  "bias-gradient": channelCases((graph, shape) => [graph.biasGradient(graph.samples(shape))]),

  moments: [
    ...channelCases((graph, shape) => {
      const { mean, variance } = graph.moments(graph.samples(shape));
      return [mean, variance];
    }),
    {
      name: "values far from 0",
      tolerance: SUM,
      build: (graph) => {
        const { mean, variance } = graph.moments(graph.samples([20, 14, 14, 3], [100, 101]));
        return [mean, variance];
      },
    },
  ],
  normalise: channelCases((graph, shape) => {
    const [mean, scale, beta] = [0, 1, 2].map(() => graph.fixed([shape.at(-1)!])) as [
      Value,
      Value,
      Value,
    ];
    const variance = graph.fixed([shape.at(-1)!], [0.1, 3]);
    return [graph.normalise(graph.samples(shape), { mean, variance }, scale, beta, EPSILON)];
  }),
  "batch-norm-gradient": channelCases((graph, shape) => {
    const { dy, x, moments, scale } = normalisedInputs(graph, shape);
    const { dx, dScale, dBeta } = graph.batchNormGradient(dy, x, moments, scale, EPSILON);
    return [dx, dScale, dBeta];
  }),
  "batch-norm-sums": channelCases((graph, shape) => {
    const { dy, x, moments } = normalisedInputs(graph, shape);
    const { sumDy, sumDyNormalised } = graph.batchNormSums(dy, x, moments, EPSILON);
    return [sumDy, sumDyNormalised];
  }),
  "batch-norm-input-gradient": channelCases((graph, shape) => {
    const { dy, x, moments, scale } = normalisedInputs(graph, shape);
    const [meanDy, meanDyNormalised] = [graph.fixed([shape.at(-1)!]), graph.fixed([shape.at(-1)!])];
    const means = { meanDy, meanDyNormalised };
    return [graph.batchNormInputGradient(dy, x, moments, scale, means, EPSILON)];
  }),
};
