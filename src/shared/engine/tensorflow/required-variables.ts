// Which variables a run needs. A session zeroes a variable when it is first needed, so that a worker whose runs are fed all
// weights does not allocate memory for weights and slots that it never uses. Pure.
import type { Value } from "../../graph/graph.js";
import { findNeededNodes } from "../../graph/needed-nodes.js";
import { variablesOf } from "../../graph/op-variables.js";

/** @param fed values that the run does not compute */
export function findVariables(fetches: readonly Value[], fed: ReadonlySet<Value>): Set<string> {
  const variables = new Set<string>();
  for (const { op } of findNeededNodes(fetches, fed)) {
    if (!("variable" in op)) continue;
    for (const name of variablesOf(op)) variables.add(name);
  }
  return variables;
}
