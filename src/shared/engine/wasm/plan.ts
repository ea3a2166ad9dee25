// The memory plan of a run: what is computed in which order, and where each tensor is. Tensors that only the run itself needs
// share one block of work memory: a tensor's place is free again after its last reader, and pointwise ops write over their input
// where nobody else reads it. Reshapes cost nothing. Pure.
import type { Graph, Node, Value } from "../../graph/graph.js";
import { variablesOf } from "../../graph/op-variables.js";
import { BlockAllocator } from "./block-allocator.js";
import type { Launch, NodeMemory, Operand } from "./launch.js";
import { type LoweredOp, lowerNode, overwritableInputs } from "./lower.js";
import { launchPointwise, pointersOf } from "./lower-pointwise.js";
import { isEffect, orderNodes, type RunOrder } from "./order.js";
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

/** Memory that one or more values share. */
interface Storage {
  readonly byteLength: number;
  readonly home:
    | { kind: "feed" | "output"; index: number }
    | { kind: "fixed"; node: Node }
    /** In the work memory, once the step that writes it is planned. */
    | { kind: "work" };
  offset?: number;
}

interface Slot {
  readonly storage: Storage;
  readonly shape: Shape;
}

interface Step {
  readonly op: LoweredOp | { kind: "copy" };
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Offsets of what the step reserves, in the order in which it does. */
  readonly reserved: number[];
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

/** Decides in which memory each value is, and what is executed. */
class StepPlanner {
  readonly usedFeeds: Value[] = [];
  private readonly shapes: RunShapes;
  private readonly fed: ReadonlySet<Value>;
  private readonly variables: ReadonlyMap<string, Value>;
  private readonly storages = new Map<Value, Storage>();
  private readonly fedVariables = new Map<Value, Storage>();
  private readonly steps: Step[] = [];

  constructor(
    shapes: RunShapes,
    feeds: readonly (readonly [Value, Shape])[],
    variables: ReadonlyMap<string, Value>,
  ) {
    this.shapes = shapes;
    this.fed = new Set(feeds.map(([value]) => value));
    this.variables = variables;
  }

  plan(order: RunOrder, fetches: readonly Value[]): Step[] {
    this.assignOutputs(fetches);
    for (const node of order.values) this.addNode(node);
    this.addCopies(fetches);
    const before = this.copyChangedInputs(order.effects);
    for (const node of order.effects) this.addEffect(node, before);
    return this.steps;
  }

  /** What is fetched is computed where it shall be in the end; what has a home of its own is copied (`addCopies`). */
  private assignOutputs(fetches: readonly Value[]): void {
    fetches.forEach((value, index) => {
      const source = sourceOf(value, this.fed);
      const isComputed = !this.fed.has(source) && !isFixed(source) && !isEffect(source.node.op);
      if (!isComputed || this.storages.has(source)) return;
      const byteLength = this.shapes.byteLengthOf(value);
      this.storages.set(source, { byteLength, home: { kind: "output", index } });
    });
  }

  private addNode(node: Node): void {
    const { op } = node;
    if (op.kind === "placeholder" || op.kind === "constant" || op.kind === "variable") return;
    // It has its input's memory (`storageOf`).
    if (op.kind === "reshape") return;
    const outputs = node.outputs.map((value): Slot => {
      // An output that is fed as well is computed beside the others, for nobody.
      if (!this.fed.has(value)) return this.slotOf(value);
      const byteLength = this.shapes.byteLengthOf(value);
      return { storage: { byteLength, home: { kind: "work" } }, shape: this.shapes.of(value) };
    });
    this.addStep(op, this.slotsOf(node.inputs), outputs);
  }

  private addEffect(node: Node, before: ReadonlyMap<Storage, Slot>): void {
    const { op } = node;
    if (!isEffect(op)) throw new RangeError(`${node.name} is no effect`);
    const inputs = this.slotsOf(node.inputs).map((slot) => {
      const copy = before.get(slot.storage);
      return copy ? { ...copy, shape: slot.shape } : slot;
    });
    this.addStep(
      op,
      inputs,
      variablesOf(op).map((name) => this.variableSlot(name)),
    );
  }

  private addCopies(fetches: readonly Value[]): void {
    fetches.forEach((value, index) => {
      if (value.type !== "float32" && value.type !== "int32") return;
      const slot = this.slotOf(value);
      const { home } = slot.storage;
      if (home.kind === "output" && home.index === index) return;
      const storage: Storage = {
        byteLength: slot.storage.byteLength,
        home: { kind: "output", index },
      };
      this.addStep({ kind: "copy" }, [slot], [{ storage, shape: slot.shape }]);
    });
  }

  /** Copies of variables that effects read, and others change. */
  private copyChangedInputs(effects: readonly Node[]): Map<Storage, Slot> {
    const changed = new Set(
      effects.flatMap(({ op }) => {
        const names = isEffect(op) ? variablesOf(op) : [];
        return names.map((name) => this.variableSlot(name).storage);
      }),
    );
    const copies = new Map<Storage, Slot>();
    for (const slot of effects.flatMap(({ inputs }) => this.slotsOf(inputs))) {
      if (!changed.has(slot.storage) || copies.has(slot.storage)) continue;
      const storage: Storage = {
        byteLength: slot.storage.byteLength,
        home: { kind: "work" },
      };
      copies.set(slot.storage, { storage, shape: slot.shape });
      this.addStep({ kind: "copy" }, [slot], [{ storage, shape: slot.shape }]);
    }
    return copies;
  }

  private addStep(op: Step["op"], inputs: readonly Slot[], outputs: readonly Slot[]): void {
    this.steps.push({ op, inputs, outputs, reserved: [] });
  }

  private slotsOf(values: readonly Value[]): Slot[] {
    return values.map((value) => this.slotOf(value));
  }

  private slotOf(value: Value): Slot {
    return { storage: this.storageOf(sourceOf(value, this.fed)), shape: this.shapes.of(value) };
  }

  /** The variable itself, whatever is fed in the place of its value. */
  private variableSlot(name: string): Slot {
    const value = this.variables.get(name)!;
    // Where only effects need it, it is not among the run's values.
    this.shapes.infer(value.node);
    if (!this.fed.has(value)) return this.slotOf(value);
    let storage = this.fedVariables.get(value);
    if (!storage) {
      const { byteLength } = this.storageOf(value);
      storage = { byteLength, home: { kind: "fixed", node: value.node } };
      this.fedVariables.set(value, storage);
    }
    return { storage, shape: value.shape };
  }

  private storageOf(source: Value): Storage {
    let storage = this.storages.get(source);
    if (!storage) {
      storage = { byteLength: this.shapes.byteLengthOf(source), home: this.homeOf(source) };
      this.storages.set(source, storage);
    }
    return storage;
  }

  private homeOf(source: Value): Storage["home"] {
    if (this.fed.has(source)) {
      return { kind: "feed", index: this.usedFeeds.push(source) - 1 };
    }
    return isFixed(source) ? { kind: "fixed", node: source.node } : { kind: "work" };
  }
}

/** Gives storages and reservations of the steps places in the work memory. @returns how much they need */
function placeSteps(steps: readonly Step[]): number {
  const allocator = new BlockAllocator(0);
  const readers = countReaders(steps);
  const release = ({ home, offset, byteLength }: Storage) => {
    if (home.kind === "work" && offset !== undefined) allocator.release(offset, byteLength);
  };
  for (const step of steps) {
    const inputs = step.inputs.map(({ storage }) => storage);
    const overwritten = findOverwritten(step, readers);
    for (const [index, { storage }] of step.outputs.entries()) {
      if (storage.home.kind !== "work" || storage.offset !== undefined) continue;
      storage.offset =
        index === 0 && overwritten ? overwritten.offset! : allocator.allocate(storage.byteLength);
    }
    const reservations = measureReservations(step);
    for (const byteLength of reservations) step.reserved.push(allocator.allocate(byteLength));
    step.reserved.forEach((offset, index) => {
      allocator.release(offset, reservations[index]!);
    });
    for (const storage of inputs) {
      const left = readers.get(storage)! - 1;
      readers.set(storage, left);
      if (left === 0 && storage !== overwritten) release(storage);
    }
    for (const { storage } of step.outputs) if (!readers.has(storage)) release(storage);
  }
  return allocator.end;
}

function countReaders(steps: readonly Step[]): Map<Storage, number> {
  const readers = new Map<Storage, number>();
  for (const { storage } of steps.flatMap(({ inputs }) => inputs)) {
    readers.set(storage, (readers.get(storage) ?? 0) + 1);
  }
  return readers;
}

/** The input whose memory the first output takes over, as this step is its last reader. */
function findOverwritten(
  { op, inputs, outputs }: Step,
  readers: ReadonlyMap<Storage, number>,
): Storage | undefined {
  if (op.kind === "copy" || outputs[0]?.storage.home.kind !== "work") return undefined;
  const { byteLength } = outputs[0].storage;
  return overwritableInputs(op)
    .map((index) => inputs[index]!.storage)
    .find((storage) => {
      const uses = inputs.filter((input) => input.storage === storage).length;
      const isLastUse = readers.get(storage) === uses && storage.home.kind === "work";
      return isLastUse && storage.byteLength === byteLength;
    });
}

/** In bytes, in the order in which the step reserves them. */
function measureReservations(step: Step): number[] {
  const reservations: number[] = [];
  const operand = ({ shape }: Slot): Operand => ({ pointer: 0, shape });
  lower(step.op, {
    inputs: step.inputs.map(operand),
    outputs: step.outputs.map(operand),
    reserve: (byteLength) => {
      reservations.push(byteLength);
      return 0;
    },
  });
  return reservations;
}

function lowerStep(
  { op, inputs, outputs, reserved }: Step,
  locateSlot: (slot: Slot) => Operand,
  work: number,
): Launch[] {
  let next = 0;
  return lower(op, {
    inputs: inputs.map(locateSlot),
    outputs: outputs.map(locateSlot),
    reserve: () => work + reserved[next++]!,
  });
}

function lower(op: Step["op"], memory: NodeMemory): Launch[] {
  if (op.kind !== "copy") return lowerNode(op, memory);
  const [x, out] = [memory.inputs[0]!, memory.outputs[0]!];
  const length = x.shape.reduce((product, side) => product * side, 1);
  return [launchPointwise("copy", length, pointersOf([out, x]))];
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

/** The value that a reshaped one has its memory from. */
function sourceOf(value: Value, fed: ReadonlySet<Value>): Value {
  let source = value;
  while (source.node.op.kind === "reshape" && !fed.has(source)) source = source.node.inputs[0]!;
  return source;
}

function isFixed({ node: { op } }: Value): boolean {
  return op.kind === "constant" || op.kind === "variable";
}
