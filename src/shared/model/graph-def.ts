// The network as a TensorFlow graph, for TensorBoard to draw: a GraphDef (tensorflow/core/framework/graph.proto) in protocol
// buffers' wire format (protobuf.dev/programming-guides/encoding). Layers are name scopes, so TensorBoard folds them.
import type { LayerSpec, Network } from "./network.js";

interface Node {
  name: string;
  op: string;
  inputs: string[];
  shape?: number[];
}

/** Field 1 of GraphDef is its nodes, field 4 its versions; of NodeDef 1 is the name, 2 the op, 3 the inputs, 5 the attributes. */
export function graphDef(network: Network): Uint8Array {
  const nodes = nodesOf(network).map(({ name, op, inputs, shape }) =>
    message(1, [
      text(1, name),
      text(2, op),
      ...inputs.map((input) => text(3, input)),
      ...(shape ? [attribute("_output_shapes", shapeList(shape))] : []),
      attribute("T", [varint(6, DT_FLOAT)]),
    ]),
  );
  return Uint8Array.from([...nodes, message(4, [varint(1, PRODUCER)])].flat());
}

/** types.proto: DT_FLOAT. */
const DT_FLOAT = 1;
/** versions.proto: the producer of the graphs of TensorFlow 2. */
const PRODUCER = 1395;

function nodesOf(network: Network): Node[] {
  const { height, width } = network.image;
  const nodes: Node[] = [
    { name: "images", op: "Placeholder", inputs: [], shape: [-1, height, width, 1] },
    { name: "labels", op: "Placeholder", inputs: [], shape: [-1] },
  ];
  const shapes = new Map(network.parameters.map(({ name, shape }) => [name, shape]));
  const variable = (name: string, shape = shapes.get(name)) => {
    nodes.push({ name, op: "VarHandleOp", inputs: [], ...(shape ? { shape } : {}) });
    return name;
  };
  const channels = new Map(network.statistics.map(({ name, channels }) => [name, channels]));
  let last = "images";
  let scope = "";
  const add = (name: string, op: string, ...inputs: string[]) => {
    nodes.push({ name, op, inputs: [last, ...inputs] });
    last = name;
  };
  const addLayer = (layer: LayerSpec) => {
    switch (layer.kind) {
      case "convolution":
        scope = layer.name;
        add(`${scope}/convolution`, "Conv2D", variable(`${scope}/kernel`));
        return;
      case "batch-norm": {
        const { name } = layer;
        const statistics = ["pop_mean", "pop_var"].map((part) =>
          variable(`${name}/${part}`, [channels.get(name) ?? -1]),
        );
        const trained = ["scale", "beta"].map((part) => variable(`${name}/${part}`));
        add(`${name}/normalised`, "FusedBatchNormV3", ...trained, ...statistics);
        return;
      }
      case "max-pool":
        add(`${scope}/max_pool`, "MaxPool");
        return;
      case "relu":
        add(`${scope}/relu`, "Relu");
        return;
      case "dense":
        scope = layer.name;
        add(`${scope}/product`, "MatMul", variable(`${scope}/kernel`));
        if (layer.bias) add(`${scope}/sum`, "BiasAdd", variable(`${scope}/bias`));
    }
  };
  network.layers.forEach(addLayer);
  add("loss/cross_entropy", "SparseSoftmaxCrossEntropyWithLogits", "labels");
  add("loss/mean", "Mean");
  const loss = last;
  for (const { name } of network.parameters) {
    nodes.push({ name: `adam/${name}`, op: "ResourceApplyAdam", inputs: [name, loss] });
  }
  return nodes;
}

/** AttrValue.list of one TensorShapeProto: list is field 1, its shapes field 7; dim is field 2, its size field 1. */
function shapeList(shape: readonly number[]): number[][] {
  const dimensions = shape.map((size) => message(2, [varint(1, size)]));
  return [message(1, [message(7, dimensions)])];
}

/** An entry of NodeDef's map of attributes. */
function attribute(name: string, value: number[][]): number[] {
  return message(5, [text(1, name), message(2, value)]);
}

const LENGTH_DELIMITED = 2;

function message(field: number, parts: readonly number[][]): number[] {
  const body = parts.flat();
  return [(field << 3) | LENGTH_DELIMITED, ...digits(BigInt(body.length)), ...body];
}

function text(field: number, value: string): number[] {
  return message(field, [[...new TextEncoder().encode(value)]]);
}

function varint(field: number, value: number): number[] {
  return [field << 3, ...digits(BigInt.asUintN(64, BigInt(value)))];
}

/** Seven bits a byte, the lowest first; all bytes but the last have the highest bit set. */
function digits(value: bigint): number[] {
  const bytes: number[] = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return [...bytes, Number(value)];
}
