// Collects ONNX nodes and constants, with unique names, while a graph is lowered. Pure.
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "./onnx-proto.js";

export class OnnxEmitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly names = new Set<string>();
  private base = "";

  /** Nodes that `body` adds are named NAME or NAME/PART. */
  within<T>(name: string, body: () => T): T {
    this.base = name;
    return body();
  }

  /** Appends a number if the name is taken. */
  reserve(name: string): string {
    let free = name;
    for (let number = 1; this.names.has(free); number++) free = `${name}_${number}`;
    this.names.add(free);
    return free;
  }

  /** @param part suffix of the name; none for the node's final result @returns the name of its output */
  emit(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    part?: string,
  ): string {
    const name = this.reserve(part === undefined ? this.base : `${this.base}/${part}`);
    this.nodes.push({ name, op, inputs, attributes });
    return name;
  }

  /** Reserves a name for `emitAs`. */
  keepFree(name: string): void {
    this.names.add(name);
  }

  /** @param name that `keepFree` reserved; the output has exactly this name */
  emitAs(name: string, op: string, inputs: readonly string[]): void {
    this.nodes.push({ name, op, inputs, attributes: {} });
  }

  /** @returns the constant's name */
  constant(name: string, shape: readonly number[], values: Float32Array): string {
    const free = this.reserve(name);
    this.initializers.push({ name: free, shape, values });
    return free;
  }

  /** int64 [count] */
  integers(part: string, values: readonly number[]): string {
    const name = this.reserve(`${this.base}/${part}`);
    this.initializers.push({ name, shape: [values.length], values });
    return name;
  }

  /** float32 [] */
  scalar(part: string, value: number): string {
    return this.constant(`${this.base}/${part}`, [], Float32Array.of(value));
  }
}
