// The graph of a network: weights and slots as variables, forward and backward pass, inference, and the optimizer's step. A run
// executes the part that its fetches need. Pure.
import type { Network } from "../network/network.js";
import type { OptimizerSpec } from "../optimizer/optimizer.js";
import { slotsOf } from "../optimizer/slots.js";
import type { BatchNormKind } from "../statistics/barrier.js";
import { GraphBuilder } from "./builder.js";
import type { Graph, LossKind, Value } from "./graph.js";
import { addInference, type InferenceValues } from "./inference-graph.js";
import { findLossProblem } from "./loss.js";
import { addOptimizer, type OptimizerValues } from "./optimizer-graph.js";
import { addTraining, type TrainingValues } from "./training-graph.js";

export class NetworkGraph {
  readonly graph: Graph;
  readonly network: Network;
  /** By their names in a checkpoint: parameters, and the optimizer slots of the trainable ones. */
  readonly variables: ReadonlyMap<string, Value>;
  readonly training: TrainingValues;
  readonly inference: InferenceValues;
  readonly optimizer: OptimizerValues;

  /** @throws RangeError if the loss does not fit the network; call `findLossProblem` first */
  constructor(
    network: Network,
    loss: LossKind,
    optimizer: OptimizerSpec,
    batchNorm: BatchNormKind = "ghost",
  ) {
    const problem = findLossProblem(network, loss);
    if (problem !== undefined) throw new RangeError(problem);
    const builder = new GraphBuilder();
    this.graph = builder;
    this.network = network;
    this.variables = addVariables(builder, network, optimizer);
    this.training = addTraining(builder, network, loss, this.variables, batchNorm);
    this.inference = builder.within("inference", () =>
      addInference(builder, network, loss, this.variables),
    );
    this.optimizer = builder.within("optimizer", () => addOptimizer(builder, network, optimizer));
  }

  /** @throws RangeError if no variable has this name */
  variable(name: string): Value {
    const variable = this.variables.get(name);
    if (!variable) throw new RangeError(`no variable ${name} in this network`);
    return variable;
  }
}

function addVariables(
  builder: GraphBuilder,
  network: Network,
  optimizer: OptimizerSpec,
): Map<string, Value> {
  const variables = network.parameters.flatMap(({ name, shape, trainable }) => {
    const names = trainable ? [name, ...slotsOf(optimizer, name)] : [name];
    return names.map((each) => [each, builder.variable(each, shape)] as const);
  });
  return new Map(variables);
}
