// The weights that a run starts from: a pure function of the network and the seed, the same bits on every machine.
import { Random } from "../random.js";
import { type Network, type ParameterSpec, sizeOf } from "./network.js";
import type { Initializer } from "./spec.js";

/** A named tensor as a plain array. */
export interface InitialTensor {
  name: string;
  shape: readonly number[];
  values: Float32Array;
}

/** The standard deviation of a standard normal number that is redrawn outside ±2; the same constant as in Keras. */
const TRUNCATED_DEVIATION = 0.87962566103423978;

/** Parameters and population statistics of step 0, in the order of the checkpoint. */
export function initialTensors(network: Network, seed: number): InitialTensor[] {
  const parameters = network.parameters.map((parameter) => ({
    name: parameter.name,
    shape: parameter.shape,
    values: initialValues(parameter, seed),
  }));
  const statistics = network.statistics.flatMap(({ name, channels }) => [
    { name: `${name}/pop_mean`, shape: [channels], values: new Float32Array(channels) },
    { name: `${name}/pop_var`, shape: [channels], values: new Float32Array(channels).fill(1) },
  ]);
  return [...parameters, ...statistics];
}

/** Each parameter has its own random stream, so that its values do not depend on other layers. */
function initialValues(parameter: ParameterSpec, seed: number): Float32Array {
  const values = new Float32Array(sizeOf(parameter.shape));
  const initializer = resolveScaling(parameter);
  if (initializer.kind === "constant") return values.fill(initializer.value);
  const random = new Random(seed, `weights/${parameter.name}`);
  for (let index = 0; index < values.length; index++) {
    values[index] = drawValue(random, initializer);
  }
  return values;
}

type PlainInitializer = Exclude<Initializer, { kind: "variance-scaling" }>;

function drawValue(
  random: Random,
  initializer: Exclude<PlainInitializer, { kind: "constant" }>,
): number {
  switch (initializer.kind) {
    case "truncated-normal":
      return initializer.mean + initializer.standardDeviation * random.truncatedNormal();
    case "normal":
      return initializer.mean + initializer.standardDeviation * random.normal();
    case "uniform":
      return initializer.min + (initializer.max - initializer.min) * random.uniform();
  }
}

/** Variance scaling is a distribution whose variance is scale / fan (keras.initializers.VarianceScaling). */
function resolveScaling({ initializer, fanIn, fanOut }: ParameterSpec): PlainInitializer {
  if (initializer.kind !== "variance-scaling") return initializer;
  const { scale, mode, distribution } = initializer;
  const fan = { "fan-in": fanIn, "fan-out": fanOut, "fan-average": (fanIn + fanOut) / 2 }[mode];
  const variance = scale / Math.max(1, fan);
  switch (distribution) {
    case "truncated-normal":
      return {
        kind: "truncated-normal",
        mean: 0,
        standardDeviation: Math.sqrt(variance) / TRUNCATED_DEVIATION,
      };
    case "normal":
      return { kind: "normal", mean: 0, standardDeviation: Math.sqrt(variance) };
    case "uniform": {
      const limit = Math.sqrt(3 * variance);
      return { kind: "uniform", min: -limit, max: limit };
    }
  }
}
