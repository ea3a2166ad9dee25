// The memory plan of a run: what is computed in which order (order.ts), in which memory (plan-steps.ts), and where in the work
// memory (plan-places.ts). It is made once; the launches follow from it and from where the run's tensors begin. Pure.
import type { Graph, Node, Value } from "../../graph/graph.js";
import type { Launch, Operand } from "./launch.js";
import { orderNodes } from "./order.js";
import { placeSteps } from "./plan-places.js";
import { lowerOp, type Slot, type Step, StepPlanner } from "./plan-steps.js";
import { RunShapes } from "./shapes.js";

type Shape = readonly number[];

/** Where a run's tensors begin; each run of a plan may have others. */
export interface Places {
  /** Of the plan's feeds, outputs and work memory. */
  readonly feeds: readonly number[];
  readonly outputs: readonly number[];
  readonly work: number;
  /** Of variables and constants. */
  fixed(node: Node): number;
}

export interface Plan {
  /** Those of the fed values that the run reads. */
  readonly feeds: readonly Value[];
  /** One for each fetch. */
  readonly outputs: readonly { shape: Shape; byteLength: number }[];
  readonly workBytes: number;
  launches(places: Places): Launch[];
}

/**
 * @param feeds with the shapes of their tensors
 * @param fetches none of them fed, none twice
 * @param variables by name
 * @throws RangeError where something is not fed, or does not fit
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
