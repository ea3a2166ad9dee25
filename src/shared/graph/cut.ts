// Cuts the computation of several groups of values into runs, so that the first group can be sent while the others are still
// being computed. Pure.
import type { Graph, GraphRun, Node, Value } from "./graph.js";

/** These cost nothing, so each run reads them itself. They must not change between runs: no run may change a variable. */
const FREE_OPS: ReadonlySet<string> = new Set(["constant", "variable"]);

/**
 * One run per group, to be executed in order. Nothing is computed twice: each run also fetches the values that later runs need,
 * and these are fed with them.
 * @throws RangeError if a value belongs to another graph
 */
export function cutGraph(graph: Graph, groups: readonly (readonly Value[])[]): GraphRun[] {
  const nodes = new Set(graph.nodes);
  for (const { node } of groups.flat()) {
    if (!nodes.has(node)) throw new RangeError(`${node.name} belongs to another graph`);
  }
  const runOf = assignRuns(groups);
  const runs = groups.map((group) => ({ feeds: new Set<Value>(), fetches: new Set(group) }));
  groups.forEach((group, run) => {
    for (const value of findFeeds(group, run, runOf)) {
      runs[run]!.feeds.add(value);
      if (value.node.op.kind !== "placeholder") runs[runOf.get(value.node)!]!.fetches.add(value);
    }
  });
  return runs.map(({ feeds, fetches }) => ({ feeds: [...feeds], fetches: [...fetches] }));
}

/** Each node's run: the first that needs it. */
function assignRuns(groups: readonly (readonly Value[])[]): Map<Node, number> {
  const runOf = new Map<Node, number>();
  groups.forEach((group, run) => {
    const open = group.map(({ node }) => node);
    for (let node = open.pop(); node; node = open.pop()) {
      if (runOf.has(node)) continue;
      runOf.set(node, run);
      open.push(...dependencies(node).map((value) => value.node));
    }
  });
  return runOf;
}

/** The values that a run needs and does not compute, in the order in which they are found. */
function findFeeds(
  group: readonly Value[],
  run: number,
  runOf: ReadonlyMap<Node, number>,
): Set<Value> {
  const feeds = new Set<Value>();
  const seen = new Set<Value>();
  const open = group.toReversed();
  for (let value = open.pop(); value; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const { kind } = value.node.op;
    const isOwn = runOf.get(value.node) === run || FREE_OPS.has(kind);
    if (kind !== "placeholder" && isOwn) open.push(...dependencies(value.node).toReversed());
    // Effects of earlier runs have already happened.
    else if (value.type !== "effect") feeds.add(value);
  }
  return feeds;
}

function dependencies({ inputs, after }: Node): readonly Value[] {
  return [...inputs, ...after];
}
