// Collects TensorFlow nodes, with valid and unique names, while a graph is lowered, and adds the nodes that many lowerings need.
// Attributes and outputs are those of TensorFlow's op registry (tensorflow/core/ops). Pure.
import { type Attributes, type NodeDef, NumberType, type Output } from "./graph-def.js";

export const FLOAT: Attributes = { T: { type: NumberType.float32 } };
const INT_INDEX = { type: NumberType.int32 } as const;

export class NodeEmitter {
  readonly nodes: NodeDef[] = [];
  private readonly names = new Set<string>();
  private base = "";
  private after: readonly string[] = [];

  /**
   * Nodes that `body` adds are named NAME or NAME/PART.
   * @param name from `reserveName`
   * @param after nodes that must run before them
   */
  within<T>(name: string, after: readonly string[], body: () => T): T {
    const [outerBase, outerAfter] = [this.base, this.after];
    this.base = name;
    this.after = after;
    try {
      return body();
    } finally {
      this.base = outerBase;
      this.after = outerAfter;
    }
  }

  /** Replaces characters that TensorFlow does not allow (node_def_util.cc), and appends a number if the name is taken. */
  reserveName(name: string): string {
    const characters = name.replaceAll(/[^A-Za-z0-9_./>-]/g, "_");
    const valid = /^[A-Za-z0-9.]/.test(characters) ? characters : `.${characters}`;
    let free = valid;
    for (let number = 1; this.names.has(free); number++) free = `${valid}_${number}`;
    this.names.add(free);
    return free;
  }

  /**
   * Adds a node and returns its first output.
   * @param part suffix of the name; none for the node that has the graph's own name
   */
  emit(op: string, inputs: readonly Output[], attributes: Attributes, part?: string): Output {
    const name = part === undefined ? this.base : this.reserveName(`${this.base}/${part}`);
    this.nodes.push({ name, op, inputs, after: this.after, attributes });
    return { node: name, index: 0 };
  }

  /** Adds a node without outputs. @returns its name */
  emitEffect(op: string, inputs: readonly Output[], attributes: Attributes, part: string): string {
    return this.emit(op, inputs, attributes, part).node;
  }

  /** An output to fetch so that these nodes run. */
  done(nodes: readonly string[], part?: string): Output {
    return this.within(this.base, nodes, () => this.constant(part, [], Int32Array.of(0)));
  }

  constant(
    part: string | undefined,
    shape: readonly number[],
    values: Float32Array | Int32Array,
  ): Output {
    const type = values instanceof Float32Array ? NumberType.float32 : NumberType.int32;
    return this.emit("Const", [], { dtype: { type }, value: { tensor: { shape, values } } }, part);
  }

  /** A float32 constant []. */
  scalar(part: string, value: number): Output {
    return this.constant(part, [], Float32Array.of(value));
  }

  /** An int32 constant [count]. */
  integers(part: string, values: readonly number[]): Output {
    return this.constant(part, [values.length], Int32Array.from(values));
  }

  /** An op on float32 tensors without other attributes. */
  float(op: string, inputs: readonly Output[], part?: string): Output {
    return this.emit(op, inputs, FLOAT, part);
  }

  reshape(x: Output, shape: readonly number[], part?: string): Output {
    const inputs = [x, this.integers("shape", shape)];
    return this.emit("Reshape", inputs, { ...FLOAT, Tshape: INT_INDEX }, part);
  }

  cast(x: Output, from: NumberType, to: NumberType, part = "cast"): Output {
    return this.emit("Cast", [x], { SrcT: { type: from }, DstT: { type: to } }, part);
  }

  /** The mean or the sum over some axes. */
  reduce(
    op: "Mean" | "Sum",
    x: Output,
    axes: readonly number[],
    type: NumberType = NumberType.float32,
    part?: string,
  ): Output {
    const attributes = { T: { type }, Tidx: INT_INDEX, keep_dims: { flag: false } };
    return this.emit(op, [x, this.integers("axes", axes)], attributes, part);
  }

  /** int32 [1]: N, the first side of x. */
  sampleCount(x: Output): Output {
    const shape = this.emit("Shape", [x], { ...FLOAT, out_type: INT_INDEX }, "shape");
    const inputs = [shape, this.integers("first", [0]), this.integers("one", [1])];
    return this.emit(
      "Slice",
      inputs,
      { T: { type: NumberType.int32 }, Index: INT_INDEX },
      "sample_count",
    );
  }

  /** int32: [N, …sides], where N is that of x. */
  shapeLike(x: Output, sides: readonly number[]): Output {
    const inputs = [this.sampleCount(x), this.integers("sides", sides), this.axis(0)];
    const attributes = { T: { type: NumberType.int32 }, Tidx: INT_INDEX, N: { integer: 2 } };
    return this.emit("ConcatV2", inputs, attributes, "input_shape");
  }

  /** int32 [] */
  axis(value: number): Output {
    return this.constant("axis", [], Int32Array.of(value));
  }
}

/** Another output of the node. */
export function outputAt({ node }: Output, index: number): Output {
  return { node, index };
}
