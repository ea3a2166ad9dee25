// Which variables a run needs. A session zeroes variables when they are first needed: a worker whose runs are fed all weights
// does not pay for the memory of weights and slots that it never uses. Pure.
import type { Node, Value } from "../../graph/graph.js";

/** @param fed values that the run does not compute */
export function findVariables(fetches: readonly Value[], fed: ReadonlySet<Value>): Set<string> {
  const variables = new Set<string>();
  const seen = new Set<Node>();
  const open = [...fetches];
  for (let value = open.pop(); value; value = open.pop()) {
    const { node } = value;
    if (fed.has(value) || seen.has(node)) continue;
    seen.add(node);
    for (const name of variablesOf(node)) variables.add(name);
    open.push(...node.inputs, ...node.after);
  }
  return variables;
}

function variablesOf({ op }: Node): string[] {
  if (!("variable" in op)) return [];
  if (op.kind === "momentum-step") return [op.variable, op.accumulator];
  if (op.kind === "adam-step") return [op.variable, op.m, op.v];
  if (op.kind === "rmsprop-step") return [op.variable, op.meanSquare];
  return [op.variable];
}
