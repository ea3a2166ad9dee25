// Caches the plans of a session's runs, and each plan's launches for the last addresses of its tensors, which are nearly always
// the same in the next step.
import type { Graph, Node, Value } from "../../graph/graph.js";
import type { Feed } from "../engine.js";
import type { Launch } from "./launch.js";
import { type Plan, planRun } from "./plan.js";

export class CachedPlan {
  readonly feeds: Plan["feeds"];
  readonly outputs: Plan["outputs"];
  readonly workBytes: number;
  /** The most scratch memory that a launch needs per thread. */
  readonly scratchBytes: number;
  private readonly plan: Plan;
  private readonly fixed: (node: Node) => number;
  private places = "";
  private lowered: readonly Launch[] = [];

  constructor(plan: Plan, fixed: (node: Node) => number) {
    this.feeds = plan.feeds;
    this.outputs = plan.outputs;
    this.workBytes = plan.workBytes;
    this.plan = plan;
    this.fixed = fixed;
    const launches = this.launches(
      plan.feeds.map(() => 0),
      plan.outputs.map(() => 0),
      0,
    );
    this.scratchBytes = launches.reduce((most, { scratchBytes = 0 }) => {
      return Math.max(most, scratchBytes);
    }, 0);
  }

  launches(feeds: readonly number[], outputs: readonly number[], work: number): readonly Launch[] {
    const places = [...feeds, ...outputs, work].join();
    if (places !== this.places) {
      this.lowered = this.plan.launches({ feeds, outputs, work, fixed: this.fixed });
      this.places = places;
    }
    return this.lowered;
  }
}

export class PlanCache {
  private readonly graph: Graph;
  private readonly variables: ReadonlyMap<string, Value>;
  private readonly fixed: (node: Node) => number;
  private readonly numbers = new Map<Value, number>();
  private readonly plans = new Map<string, CachedPlan>();

  /** @param variables by name @param fixed returns the address of a variable or constant */
  constructor(graph: Graph, variables: ReadonlyMap<string, Value>, fixed: (node: Node) => number) {
    this.graph = graph;
    this.variables = variables;
    this.fixed = fixed;
    for (const value of graph.nodes.flatMap(({ outputs }) => outputs)) {
      this.numbers.set(value, this.numbers.size);
    }
  }

  /** @throws RangeError if a value belongs to another graph, or a feed has the wrong shape */
  find(feeds: readonly Feed[], fetches: readonly Value[]): CachedPlan {
    const fed = feeds.map(([value, { shape }]) => `${this.numberOf(value)}:${shape.join("x")}`);
    const key = `${fed.join()} ${fetches.map((value) => this.numberOf(value)).join()}`;
    let plan = this.plans.get(key);
    if (!plan) {
      const shapes = feeds.map(([value, { shape }]) => [value, shape] as const);
      plan = new CachedPlan(planRun(this.graph, shapes, fetches, this.variables), this.fixed);
      this.plans.set(key, plan);
    }
    return plan;
  }

  private numberOf(value: Value): number {
    const number = this.numbers.get(value);
    if (number !== undefined) return number;
    throw new RangeError(`${value.node.name} is not a value of this session's graph`);
  }
}
