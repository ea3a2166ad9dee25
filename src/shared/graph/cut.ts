// Cuts the work for several groups of results into runs, so that the first results are on their way while the others are
// still being computed. Pure.
import type { Graph, GraphRun, Node, Value } from "./graph.js";

/** What costs nothing is left to each run, which then reads the same values: no run may change variables of another's. */
const FREE_OPS: ReadonlySet<string> = new Set(["constant", "variable"]);

/**
 * Runs, one after the other, that fetch the groups and compute nothing twice: each is fed what those before it have
 * computed, and fetches besides its own group what those after it are fed.
 * @throws RangeError where a value is not one of the graph's
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

/** What a run's own nodes need that they do not compute, in the order in which it is found. */
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
    // An effect of an earlier run has happened.
    else if (value.type !== "effect") feeds.add(value);
  }
  return feeds;
}

function dependencies({ inputs, after }: Node): readonly Value[] {
  return [...inputs, ...after];
}
