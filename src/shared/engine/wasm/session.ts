// A session of the wasm engine. Variables and constants are in the memory of its WebAssembly instance; runs are planned once per
// combination of feeds, fetches and sample count (plan.ts).
import type { Graph, Node, Value } from "../../graph/graph.js";
import { sizeOf } from "../../network/network.js";
import {
  type Feed,
  type OwnedScope,
  type Session,
  type Tensor,
  type TensorScope,
  withScope,
} from "../engine.js";
import { alignUp } from "./block-allocator.js";
import { type Block, DeviceMemory } from "./device-memory.js";
import type { Executor } from "./executor.js";
import { PlanCache } from "./plan-cache.js";
import { type RunMemory, WasmScope } from "./scope.js";
import { DeviceTensor, HostTensor, toWasm } from "./tensor.js";

interface Variable {
  readonly value: Value;
  readonly pointer: number;
}

export class WasmSession implements Session {
  private readonly executor: Executor;
  private readonly onDispose: () => void;
  private readonly memory: DeviceMemory;
  private readonly plans: PlanCache;
  private readonly variables = new Map<string, Variable>();
  /** Addresses of variables and constants. */
  private readonly fixed = new Map<Node, number>();
  private readonly scopes = new Set<WasmScope>();
  /** The threads' memory, as much as the largest launch so far has needed. */
  private scratch: Block | undefined;

  /** @param onDispose called once, when the session is closed */
  constructor(graph: Graph, executor: Executor, onDispose: () => void) {
    this.executor = executor;
    this.onDispose = onDispose;
    this.memory = new DeviceMemory(executor.memory, executor.heapBase);
    for (const node of graph.nodes) this.allocateFixed(node);
    const values = [...this.variables].map(([name, { value }]) => [name, value] as const);
    this.plans = new PlanCache(graph, new Map(values), (node) => this.fixed.get(node)!);
  }

  /** The number of tensors in its memory, besides variables and constants. */
  get tensorCount(): number {
    return [...this.scopes].reduce((count, scope) => count + scope.size, 0);
  }

  get memoryBytes(): number {
    return this.memory.byteLength;
  }

  scope<T>(body: (scope: TensorScope) => T): T {
    return withScope(this, body);
  }

  openScope(): OwnedScope {
    const scope = new WasmScope(
      this.memory,
      (feeds, fetches, memory) => this.run(feeds, fetches, memory),
      () => void this.scopes.delete(scope),
    );
    this.scopes.add(scope);
    return scope;
  }

  /** Plain arrays, because views of the module's memory become invalid when it grows. Runs copy what they read. */
  allocate(lengths: readonly number[]): Float32Array[] {
    return lengths.map((length) => new Float32Array(length));
  }

  keep(shape: readonly number[], values: Float32Array): Tensor {
    return new HostTensor(shape, values);
  }

  free(tensor: Tensor): void {
    toWasm(tensor);
  }

  write(variables: readonly { name: string; values: Float32Array }[]): void {
    const targets = variables.map(({ name, values }) => this.variable(name, values.length));
    variables.forEach(({ values }, index) => {
      this.memory.write(targets[index]!.pointer, values);
    });
  }

  read(variables: readonly { name: string; into: Float32Array }[]): void {
    const sources = variables.map(({ name, into }) => this.variable(name, into.length));
    variables.forEach(({ into }, index) => {
      into.set(this.memory.floats(sources[index]!.pointer, into.length));
    });
  }

  dispose(): void {
    this.executor.dispose();
    this.onDispose();
  }

  private run(
    feeds: readonly Feed[],
    fetches: readonly Value[],
    memory: RunMemory,
  ): DeviceTensor[] {
    const plan = this.plans.find(feeds, fetches);
    const tensors = new Map(feeds);
    const feedPointers = plan.feeds.map((value) => memory.locate(tensors.get(value)!));
    const outputs = plan.outputs.map(({ shape, byteLength }, index) => {
      return new DeviceTensor(shape, fetches[index]!.type, memory.allocate(byteLength));
    });
    const work = this.memory.allocate(plan.workBytes);
    try {
      const outputPointers = outputs.map(({ block }) => block.pointer);
      const launches = plan.launches(feedPointers, outputPointers, work.pointer);
      const scratchStride = alignUp(plan.scratchBytes);
      const scratch = this.reserveScratch(scratchStride * this.executor.threads);
      this.executor.execute(launches, scratch, scratchStride);
    } finally {
      this.memory.free(work);
    }
    return outputs;
  }

  private reserveScratch(byteLength: number): number {
    if (!this.scratch || this.scratch.byteLength < byteLength) {
      if (this.scratch) this.memory.free(this.scratch);
      this.scratch = this.memory.allocate(byteLength);
    }
    return this.scratch.pointer;
  }

  private allocateFixed(node: Node): void {
    const { op, outputs } = node;
    if (op.kind !== "constant" && op.kind !== "variable") return;
    const value = outputs[0]!;
    // Memory that has never been used is zero.
    const { pointer } = this.memory.allocate(4 * sizeOf(value.shape));
    this.fixed.set(node, pointer);
    if (op.kind === "constant") this.memory.write(pointer, op.values);
    else this.variables.set(op.variable, { value, pointer });
  }

  private variable(name: string, length: number): Variable {
    const variable = this.variables.get(name);
    if (!variable) throw new RangeError(`no variable ${name} in this session's graph`);
    const { shape } = variable.value;
    if (sizeOf(shape) === length) return variable;
    throw new RangeError(`${length} values for the variable ${name} [${shape.join()}]`);
  }
}
