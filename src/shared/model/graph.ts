// A TensorFlow graph that is put together node by node, and its two formats: GraphDef (tensorflow/core/framework/graph.proto,
// node_def.proto, attr_value.proto), which TensorBoard draws, and SavedModel (core/protobuf/saved_model.proto,
// meta_graph.proto), from which a session is made.
import { bytes, float, integer, littleEndian, message, text } from "./protobuf.js";

/** One output of a node. */
export interface Output {
  readonly node: string;
  readonly index: number;
  /** −1 for a side that only a run knows: the number of samples. */
  readonly shape: readonly number[];
}

/** types.proto */
export const DataType = { float: 1, double: 2, int32: 3 } as const;
export type DataType = (typeof DataType)[keyof typeof DataType];

export type AttributeValue =
  | { type: DataType }
  | { shape: readonly number[] }
  | { integer: number }
  | { integers: readonly number[] }
  | { number: number }
  | { flag: boolean }
  | { text: string }
  | { tensor: { shape: readonly number[]; values: Float32Array | Int32Array } };

/** What `add` gives: a node without outputs still has a name to come after. */
export interface AddedNode {
  readonly name: string;
  readonly outputs: readonly Output[];
}

/** What is run in one go. */
export interface GraphRun {
  feeds: readonly Output[];
  fetches: readonly Output[];
}

interface Node {
  name: string;
  op: string;
  inputs: readonly Output[];
  after: readonly string[];
  attributes: Readonly<Record<string, AttributeValue>>;
}

/** versions.proto: the producer of the graphs of TensorFlow 2. */
const PRODUCER = 1395;
/** The tag by which a SavedModel's graph is asked for. */
export const GRAPH_TAG = "tandem";

const FREE_OPS: ReadonlySet<string> = new Set(["Const", "VarHandleOp", "ReadVariableOp"]);

export class Graph {
  private readonly nodes = new Map<string, Node>();
  private scopes: readonly string[] = [];

  /** Nodes that `body` adds have names that begin with `scope/`; TensorBoard folds them. */
  within<T>(scope: string, body: () => T): T {
    const outer = this.scopes;
    this.scopes = [...outer, scope];
    try {
      return body();
    } finally {
      this.scopes = outer;
    }
  }

  /**
   * @param name of the node within the present scope; a number is put behind it where it is taken
   * @param shapes one for each output that will be used
   * @param after nodes that must have run before
   */
  add(
    op: string,
    name: string,
    inputs: readonly Output[],
    attributes: Readonly<Record<string, AttributeValue>>,
    shapes: readonly (readonly number[])[],
    after: readonly AddedNode[] = [],
  ): AddedNode {
    const wanted = [...this.scopes, name].join("/");
    let free = wanted;
    for (let number = 1; this.nodes.has(free); number++) free = `${wanted}_${number}`;
    const before = after.map((node) => node.name);
    this.nodes.set(free, { name: free, op, inputs, after: before, attributes });
    return { name: free, outputs: shapes.map((shape, index) => ({ node: free, index, shape })) };
  }

  /**
   * Runs, one after the other, that fetch these outputs and compute nothing twice: each is fed what those before it have
   * computed, and fetches besides its own what those after it are fed. Constants and variables' values, which cost nothing,
   * are left to each run.
   */
  cut(groups: readonly (readonly Output[])[]): GraphRun[] {
    const runOf = new Map<string, number>();
    const runs = groups.map((group, run) => {
      const visit = ({ node }: Output) => {
        if (runOf.has(node)) return;
        runOf.set(node, run);
        this.node(node).inputs.forEach(visit);
      };
      group.forEach(visit);
      return { feeds: new Set<Output>(), fetches: new Set(group) };
    });
    groups.forEach((group, run) => {
      const seen = new Set<string>();
      const collect = (output: Output) => {
        if (seen.has(outputName(output))) return;
        seen.add(outputName(output));
        const { op, inputs } = this.node(output.node);
        const isFed = op === "Placeholder";
        const former = runOf.get(output.node)!;
        if (!isFed && (former === run || FREE_OPS.has(op))) {
          inputs.forEach(collect);
          return;
        }
        runs[run]!.feeds.add(output);
        if (!isFed) runs[former]!.fetches.add(output);
      };
      group.forEach(collect);
    });
    return runs.map(({ feeds, fetches }) => ({ feeds: [...feeds], fetches: [...fetches] }));
  }

  /** The first outputs of the nodes that `isWanted`, in the order in which they were added. */
  outputs(isWanted: (node: { name: string; op: string }) => boolean): Output[] {
    const wanted = [...this.nodes.values()].filter(isWanted);
    return wanted.map(({ name }) => ({ node: name, index: 0, shape: [] }));
  }

  /** A serialised GraphDef. */
  graphDef(): Uint8Array {
    return Buffer.concat(this.graphFields());
  }

  /** A serialised SavedModel, without variables' values: its nodes make and fill those. */
  savedModel(): Uint8Array {
    const metaInfo = message(1, [text(4, GRAPH_TAG)]);
    return Buffer.concat([
      integer(1, 1), // saved_model_schema_version
      message(2, [metaInfo, message(2, this.graphFields())]),
    ]);
  }

  /** Field 1 of GraphDef is its nodes, field 4 its versions. */
  private graphFields(): Uint8Array[] {
    return [...[...this.nodes.values()].map(nodeField), message(4, [integer(1, PRODUCER)])];
  }

  private node(name: string): Node {
    const node = this.nodes.get(name);
    if (!node) throw new RangeError(`no node ${name} in this graph`);
    return node;
  }
}

/** Of NodeDef 1 is the name, 2 the op, 3 the inputs, 5 the map of attributes. */
function nodeField({ name, op, inputs, after, attributes }: Node): Uint8Array {
  return message(1, [
    text(1, name),
    text(2, op),
    ...inputs.map((input) => text(3, input.index === 0 ? input.node : outputName(input))),
    ...after.map((node) => text(3, `^${node}`)),
    ...Object.entries(attributes).map(([key, value]) =>
      message(5, [text(1, key), message(2, [attributeField(value)])]),
    ),
  ]);
}

/** As sessions name what is fed and fetched. */
export function outputName({ node, index }: Output): string {
  return `${node}:${index}`;
}

/** Of AttrValue 1 is the list, 2 bytes, 3 an integer, 4 a float, 5 a bool, 6 a type, 7 a shape, 8 a tensor; of the list 3 is its integers. */
function attributeField(value: AttributeValue): Uint8Array {
  if ("type" in value) return integer(6, value.type);
  if ("shape" in value) return message(7, shapeFields(value.shape));
  if ("integer" in value) return integer(3, value.integer);
  if ("integers" in value) {
    return message(
      1,
      value.integers.map((each) => integer(3, each)),
    );
  }
  if ("number" in value) return float(4, value.number);
  if ("flag" in value) return integer(5, value.flag);
  if ("text" in value) return text(2, value.text);
  const { shape, values } = value.tensor;
  const type = values instanceof Float32Array ? DataType.float : DataType.int32;
  // tensor.proto: 1 is the type, 2 the shape, 4 the content.
  return message(8, [
    integer(1, type),
    message(2, shapeFields(shape)),
    bytes(4, littleEndian(values)),
  ]);
}

/** tensor_shape.proto: 2 is a dimension, its field 1 the size. */
function shapeFields(shape: readonly number[]): Uint8Array[] {
  return shape.map((size) => message(2, [integer(1, size)]));
}
