// Which variables a run needs. A session zeroes variables when they are first needed: a worker whose runs are fed all weights
// does not pay for the memory of weights and slots that it never uses. Pure.
import type { Node, Value } from "../../graph/graph.js";
import { variablesOf } from "../../graph/op-variables.js";

/** @param fed values that the run does not compute */
export function findVariables(fetches: readonly Value[], fed: ReadonlySet<Value>): Set<string> {
  const variables = new Set<string>();
  const seen = new Set<Node>();
  const open = [...fetches];
  for (let value = open.pop(); value; value = open.pop()) {
    const { node } = value;
    if (fed.has(value) || seen.has(node)) continue;
    seen.add(node);
    if ("variable" in node.op) {
      for (const name of variablesOf(node.op)) variables.add(name);
    }
    open.push(...node.inputs, ...node.after);
  }
  return variables;
}
