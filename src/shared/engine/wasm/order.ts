// The nodes that a run executes, and their order: effects come last, so that all other nodes read the variables' values from
// before the run. Pure.
import type { Graph, Node, Op, Value } from "../../graph/graph.js";
import { findNeededNodes } from "../../graph/needed-nodes.js";
import type { EffectOp } from "../../graph/op-variables.js";

export interface RunOrder {
  /** Variables, constants, and values computed from these and the feeds, in topological order. */
  readonly values: readonly Node[];
  readonly effects: readonly Node[];
}

/** @throws RangeError if a required placeholder is not fed */
export function orderNodes(
  graph: Graph,
  fetches: readonly Value[],
  fed: ReadonlySet<Value>,
): RunOrder {
  const needed = findNeededNodes(fetches, fed);
  const nodes = graph.nodes.filter((node) => needed.has(node));
  for (const { op, name } of nodes) {
    if (op.kind === "placeholder") throw new RangeError(`nothing is fed to ${name}`);
  }
  return {
    values: nodes.filter(({ op }) => !isEffect(op)),
    effects: nodes.filter(({ op }) => isEffect(op)),
  };
}

export function isEffect(op: Op): op is EffectOp {
  return "variable" in op && op.kind !== "variable";
}
