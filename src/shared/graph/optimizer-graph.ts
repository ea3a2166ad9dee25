// One optimizer step on each trainable parameter. A run applies the steps that it fetches. Pure.
import type { Network, ParameterSpec } from "../network/network.js";
import type { OptimizerSpec } from "../optimizer/optimizer.js";
import { slotsOf } from "../optimizer/slots.js";
import type { GraphBuilder } from "./builder.js";
import type { Value } from "./graph.js";
import type { GradientValues } from "./layers/index.js";
import type { StepOp } from "./op-variables.js";

export interface OptimizerValues {
  /** Fed: [], the learning rate of this step (optimizer/rates.ts). */
  rate: Value;
  /** Fed: [], the factor that decayed weights are multiplied by before the step; undefined without weight decay. */
  decayFactor: Value | undefined;
  /**
   * Fed, by trainable parameter: a dense kernel's factors, with any number of rows, or the gradient itself in place of their
   * product.
   */
  gradients: ReadonlyMap<string, GradientValues>;
  /** Effects, by trainable parameter. */
  steps: ReadonlyMap<string, Value>;
  /** False with `clipNorm`: each step then needs all gradients. */
  canStepBuckets: boolean;
}

export function addOptimizer(
  builder: GraphBuilder,
  network: Network,
  optimizer: OptimizerSpec,
): OptimizerValues {
  const { weightDecay, clipNorm } = optimizer;
  const parameters = network.parameters.filter(({ trainable }) => trainable);
  const rate = builder.placeholder("rate", []);
  const decayFactor = weightDecay > 0 ? builder.placeholder("decay_factor", []) : undefined;
  const gradients = new Map(
    parameters.map((parameter) => [parameter.name, addGradient(builder, parameter)]),
  );
  const clipFactor =
    clipNorm !== undefined && parameters.length > 0
      ? addClipFactor(builder, gradients, clipNorm)
      : undefined;
  const steps = parameters.map(({ name, role }) => {
    const { dense } = gradients.get(name)!;
    const step = builder.within(name, () => {
      const gradient = clipFactor ? builder.multiply(dense, clipFactor) : dense;
      const decay =
        decayFactor && role === "kernel" ? [builder.scaleVariable(name, decayFactor)] : [];
      return builder.step(stepOp(optimizer, name), gradient, rate, decay);
    });
    return [name, step] as const;
  });
  return {
    rate,
    decayFactor,
    gradients,
    steps: new Map(steps),
    canStepBuckets: clipFactor === undefined,
  };
}

function addGradient(builder: GraphBuilder, parameter: ParameterSpec): GradientValues {
  return builder.within(parameter.name, () => {
    if (!parameter.isDenseKernel)
      return { dense: builder.placeholder("gradient", parameter.shape) };
    const [rows, columns] = parameter.shape as [number, number];
    const inputs = builder.placeholder("inputs", [-1, rows]);
    const outputs = builder.placeholder("outputs", [-1, columns]);
    const dense = builder.matMul(inputs, outputs, { transposeA: true });
    return { dense, factors: { inputs, outputs } };
  });
}

/** Clips the norm of all gradients together (Pascanu et al., "On the difficulty of training recurrent neural networks", 2013). */
function addClipFactor(
  builder: GraphBuilder,
  gradients: ReadonlyMap<string, GradientValues>,
  limit: number,
): Value {
  return builder.within("clip", () => {
    const squares = [...gradients.values()].map(({ dense }) => builder.sumOfSquares(dense));
    return builder.clipFactor(squares, limit);
  });
}

/** Without weight decay and clipping, which are separate ops. */
function stepOp(rule: OptimizerSpec, variable: string): StepOp {
  return { kind: "optimizer-step", variable, slots: slotsOf(rule, variable), rule };
}
