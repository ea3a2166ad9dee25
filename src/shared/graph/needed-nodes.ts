// Which nodes a run executes. Pure.
import type { Node, Value } from "./graph.js";

/** @param fed values that the run does not compute */
export function findNeededNodes(fetches: readonly Value[], fed: ReadonlySet<Value>): Set<Node> {
  const needed = new Set<Node>();
  const open = [...fetches];
  for (let value = open.pop(); value; value = open.pop()) {
    const { node } = value;
    if (fed.has(value) || needed.has(node)) continue;
    needed.add(node);
    open.push(...node.inputs, ...node.after);
  }
  return needed;
}
