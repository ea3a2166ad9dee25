// The steps of a run, and the memory of each value: fetched values have their own, reshaped values share that of their source, and
// values that an effect would change too early are copied. Pure.
import type { Node, Value } from "../../graph/graph.js";
import { variablesOf } from "../../graph/op-variables.js";
import { sizeOf } from "../../network/network.js";
import type { Launch, NodeMemory } from "./launch.js";
import { type LoweredOp, lowerNode } from "./lower.js";
import { launchPointwise, pointersOf } from "./lower-pointwise.js";
import { isEffect, type RunOrder } from "./order.js";
import type { RunShapes } from "./shapes.js";

type Shape = readonly number[];

/** Memory that one or more values share. */
export interface Storage {
  readonly byteLength: number;
  readonly home:
    | { kind: "feed" | "output"; index: number }
    | { kind: "fixed"; node: Node }
    /** In the work memory, once the step that writes it is planned. */
    | { kind: "work" };
  offset?: number;
}

export interface Slot {
  readonly storage: Storage;
  readonly shape: Shape;
}

export interface Step {
  readonly op: LoweredOp | { kind: "copy" };
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Offsets of the step's reservations, in order. */
  readonly reserved: number[];
}

/** Decides where each value is stored, and which steps are executed. */
export class StepPlanner {
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

  /** Fetched values are computed directly into the outputs, except those with a home of their own: see `addCopies`. */
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
    // It shares its input's memory (`storageOf`).
    if (op.kind === "reshape") return;
    const outputs = node.outputs.map((value): Slot => {
      // An output that is also fed is computed with the others, but not used.
      if (!this.fed.has(value)) return this.slotOf(value);
      const byteLength = this.shapes.byteLengthOf(value);
      return { storage: { byteLength, home: { kind: "work" } }, shape: this.shapes.of(value) };
    });
    this.addStep(op, this.slotsOf(node.inputs), outputs);
  }

  private addEffect(node: Node, before: ReadonlyMap<Storage, Slot>): void {
    const { op } = node;
    if (!isEffect(op)) throw new RangeError(`${node.name} is not an effect`);
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

  /** Copies variables that one effect reads and another changes. */
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

  /** The variable itself, even if another value is fed in its place. */
  private variableSlot(name: string): Slot {
    const value = this.variables.get(name)!;
    // A variable that only effects need is not among the run's values.
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

export function lowerOp(op: Step["op"], memory: NodeMemory): Launch[] {
  if (op.kind !== "copy") return lowerNode(op, memory);
  const [x, out] = [memory.inputs[0]!, memory.outputs[0]!];
  return [launchPointwise("copy", sizeOf(x.shape), pointersOf([out, x]))];
}

/** The value whose memory a reshaped value shares. */
function sourceOf(value: Value, fed: ReadonlySet<Value>): Value {
  let source = value;
  while (source.node.op.kind === "reshape" && !fed.has(source)) source = source.node.inputs[0]!;
  return source;
}

function isFixed({ node: { op } }: Value): boolean {
  return op.kind === "constant" || op.kind === "variable";
}
