// A TensorFlow session on a graph, through tfjs-node's SavedModels. A run is one call, in which TensorFlow orders and executes the
// nodes itself: calling op by op from JavaScript takes a third longer (docs/performance.md).
import type { Graph, Value } from "../../graph/graph.js";
import { sizeOf } from "../../network/network.js";
import {
  type Feed,
  type OwnedScope,
  type Session,
  type Tensor,
  type TensorScope,
  withScope,
} from "../engine.js";
import { allocateAligned } from "./aligned-memory.js";
import { type Output, outputName } from "./graph-def.js";
import { lowerGraph } from "./lower.js";
import type { LoweredVariable } from "./lower-variables.js";
import { findVariables } from "./required-variables.js";
import { loadSavedModel } from "./saved-model.js";
import { createTensor, deleteTensor, NativeScope, NativeTensor, toNative } from "./tensor.js";
import type { TensorFlow } from "./tensorflow.js";

export class TensorFlowSession implements Session {
  private readonly tf: TensorFlow;
  private readonly id: number;
  private readonly outputs: ReadonlyMap<Value, Output>;
  private readonly variables: ReadonlyMap<string, LoweredVariable>;
  /** Variables that have not even been zeroed yet, and the runs that are known to need none of them. */
  private readonly unset: Set<string>;
  private readonly readyRuns = new Set<string>();

  /**
   * @param hasOneDnnPool see `lowerGraph`
   * @throws TandemError `temporary-folder`
   */
  constructor(tf: TensorFlow, graph: Graph, hasOneDnnPool: boolean) {
    const { nodes, outputs, variables } = lowerGraph(graph, { hasOneDnnPool });
    this.tf = tf;
    this.outputs = outputs;
    this.variables = variables;
    this.unset = new Set(variables.keys());
    this.id = loadSavedModel(tf, nodes);
  }

  scope<T>(body: (scope: TensorScope) => T): T {
    return withScope(this, body);
  }

  openScope(): OwnedScope {
    return new NativeScope(this.tf, (feeds, fetches) => this.run(feeds, fetches));
  }

  allocate(lengths: readonly number[]): Float32Array[] {
    return allocateAligned(lengths);
  }

  keep(shape: readonly number[], values: Float32Array): Tensor {
    return createTensor(this.tf, shape, values);
  }

  free(tensor: Tensor): void {
    deleteTensor(this.tf, toNative(tensor));
  }

  write(variables: readonly { name: string; values: Float32Array }[]): void {
    const targets = variables.map(({ name, values }) => this.variable(name, values.length));
    this.withTensors((tensors) => {
      variables.forEach(({ values }, index) => {
        tensors.push(createTensor(this.tf, targets[index]!.shape, values));
      });
      const written = targets.map((target) => target.written);
      tensors.push(
        ...this.execute(joinNames(targets.map(({ fed }) => fed)), [...tensors], written),
      );
    });
    for (const { name } of variables) this.unset.delete(name);
  }

  read(variables: readonly { name: string; into: Float32Array }[]): void {
    const parts = variables.map(({ name, into }) => this.variable(name, into.length).parts);
    this.zero(variables.map(({ name }) => name));
    this.withTensors((tensors) => {
      tensors.push(...this.execute("", [], parts.flat()));
      let next = 0;
      variables.forEach(({ into }, index) => {
        let offset = 0;
        for (const tensor of tensors.slice(next, (next += parts[index]!.length))) {
          const values = this.tf.tensorDataSync(tensor.id!);
          into.set(values, offset);
          offset += values.length;
        }
      });
    });
  }

  dispose(): void {
    this.tf.deleteSavedModel(this.id);
  }

  private run(feeds: readonly Feed[], fetches: readonly Value[]): NativeTensor[] {
    const fed = feeds.filter(([value]) => this.output(value));
    const feedNames = joinNames(fed.map(([value]) => this.output(value)!));
    const fetched = fetches.map((value) => this.output(value));
    const existing = fetched.filter((output) => output !== undefined);
    this.prepareVariables(feeds, fetches, `${feedNames} ${joinNames(existing)}`);
    const tensors = this.execute(
      feedNames,
      fed.map(([, tensor]) => toNative(tensor)),
      existing,
    );
    let next = 0;
    return fetched.map((output) => (output ? tensors[next++]! : new NativeTensor(undefined, [])));
  }

  private prepareVariables(
    feeds: readonly Feed[],
    fetches: readonly Value[],
    runName: string,
  ): void {
    if (this.unset.size === 0 || this.readyRuns.has(runName)) return;
    this.zero(findVariables(fetches, new Set(feeds.map(([value]) => value))));
    this.readyRuns.add(runName);
  }

  /** Zeroes those of the variables that have no values yet. */
  private zero(names: Iterable<string>): void {
    const unset = [...new Set(names)].filter((name) => this.unset.has(name));
    this.withTensors((tensors) => {
      const zeroed = unset.map((name) => this.variables.get(name)!.zeroed);
      tensors.push(...this.execute("", [], zeroed));
    });
    for (const name of unset) this.unset.delete(name);
  }

  /** Frees the tensors that `body` adds when it ends. */
  private withTensors(body: (tensors: NativeTensor[]) => void): void {
    const tensors: NativeTensor[] = [];
    try {
      body(tensors);
    } finally {
      for (const tensor of tensors) deleteTensor(this.tf, tensor);
    }
  }

  private execute(
    feedNames: string,
    feeds: readonly NativeTensor[],
    fetches: readonly Output[],
  ): NativeTensor[] {
    if (fetches.length === 0) return [];
    const ids = feeds.map(({ id }) => id!);
    const tensors = this.tf.runSavedModel(this.id, ids, feedNames, joinNames(fetches));
    return tensors.map(({ id, shape }) => new NativeTensor(id, shape));
  }

  /** @returns undefined for the notes of max-pools that TensorFlow does not need */
  private output(value: Value): Output | undefined {
    const output = this.outputs.get(value);
    if (output || value.type === "opaque") return output;
    throw new RangeError(`${value.node.name} is not a value of this session's graph`);
  }

  private variable(name: string, length: number): LoweredVariable {
    const variable = this.variables.get(name);
    if (!variable) throw new RangeError(`no variable ${name} in this session's graph`);
    if (sizeOf(variable.shape) === length) return variable;
    throw new RangeError(`${length} values for the variable ${name} [${variable.shape.join()}]`);
  }
}

function joinNames(outputs: readonly Output[]): string {
  return outputs.map(outputName).join(",");
}
