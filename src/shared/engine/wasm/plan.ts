// The plan of a run: the order of computation (order.ts), the memory of each value (plan-steps.ts), and offsets in the work memory
// (plan-places.ts). It is computed once; the launches are derived from it and the addresses of the run's tensors. Pure.
import type { Graph, Node, Value } from "../../graph/graph.js";
import type { Launch, Operand } from "./launch.js";
import { orderNodes } from "./order.js";
import { placeSteps } from "./plan-places.js";
import { lowerOp, type Slot, type Step, StepPlanner } from "./plan-steps.js";
import { RunShapes } from "./shapes.js";

type Shape = readonly number[];

/** The addresses of a run's tensors, which may differ from run to run. */
export interface Places {
  /** In the order of the plan's feeds and outputs. */
  readonly feeds: readonly number[];
  readonly outputs: readonly number[];
  readonly work: number;
  /** The address of a variable or constant. */
  fixed(node: Node): number;
}

export interface Plan {
  /** The fed values that the run reads. */
  readonly feeds: readonly Value[];
  /** One per fetch. */
  readonly outputs: readonly { shape: Shape; byteLength: number }[];
  readonly workBytes: number;
  launches(places: Places): Launch[];
}

/**
 * @param feeds with the shapes of their tensors
 * @param fetches distinct, and not fed
 * @param variables by name
 * @throws RangeError if a feed is missing or has the wrong shape
 */
export function planRun(
  graph: Graph,
  feeds: readonly (readonly [value: Value, shape: Shape])[],
  fetches: readonly Value[],
  variables: ReadonlyMap<string, Value>,
): Plan {
  const order = orderNodes(graph, fetches, new Set(feeds.map(([value]) => value)));
  const shapes = new RunShapes(feeds);
  for (const node of [...order.values, ...order.effects]) shapes.infer(node);
  const planner = new StepPlanner(shapes, feeds, variables);
  const steps = planner.plan(order, fetches);
  const workBytes = placeSteps(steps);
  return {
    feeds: planner.usedFeeds,
    outputs: fetches.map((value) => {
      return { shape: shapes.of(value), byteLength: shapes.byteLengthOf(value) };
    }),
    workBytes,
    launches: (places) => steps.flatMap((step) => lowerStep(step, locate(places), places.work)),
  };
}

function lowerStep(
  { op, inputs, outputs, reserved }: Step,
  locateSlot: (slot: Slot) => Operand,
  work: number,
): Launch[] {
  let next = 0;
  return lowerOp(op, {
    inputs: inputs.map(locateSlot),
    outputs: outputs.map(locateSlot),
    reserve: () => work + reserved[next++]!,
  });
}

function locate(places: Places): (slot: Slot) => Operand {
  return ({ storage: { home, offset }, shape }) => {
    switch (home.kind) {
      case "feed":
        return { pointer: places.feeds[home.index]!, shape };
      case "output":
        return { pointer: places.outputs[home.index]!, shape };
      case "fixed":
        return { pointer: places.fixed(home.node), shape };
      case "work":
        return { pointer: places.work + offset!, shape };
      default:
        return home satisfies never;
    }
  };
}
