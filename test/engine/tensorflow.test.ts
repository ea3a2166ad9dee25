// The tensorflow engine in the conformance suite, and what is specific to TensorFlow: names, messages, max-pools without oneDNN.
import { describe, expect, test } from "vitest";
import type { Engine, Feed } from "../../src/shared/engine/engine.js";
import { openTensorFlow } from "../../src/shared/engine/tensorflow/engine.js";
import { encodeSavedModel } from "../../src/shared/engine/tensorflow/graph-def.js";
import { lowerGraph } from "../../src/shared/engine/tensorflow/lower.js";
import { findVariables } from "../../src/shared/engine/tensorflow/required-variables.js";
import { TensorFlowSession } from "../../src/shared/engine/tensorflow/session.js";
import { loadTensorFlow } from "../../src/shared/engine/tensorflow/tensorflow.js";
import { GraphBuilder } from "../../src/shared/graph/builder.js";
import { hasTensorFlow } from "../support/engines.js";
import { randomValues } from "../support/reference/random-values.js";
import { loadTensorFlowMessages } from "../support/tensorflow-messages.js";
import { describeConformance } from "./conformance/index.js";

const THREADS = 2;
let engine: Engine | undefined;

/** Opened by the first test. If the engine is not installed, no test runs. */
const open = () => (engine ??= openTensorFlow(THREADS));

describe.skipIf(!hasTensorFlow)("conformance", () => {
  describeConformance({
    name: "tensorflow",
    open,
    countTensors: () => loadTensorFlow(THREADS).getNumOfTensors(),
  });
});

const POOL = { size: [3, 2], strides: [2, 2], padding: "same" } as const;

function poolGraph() {
  const graph = new GraphBuilder();
  const x = graph.placeholder("x", [-1, 5, 4, 3]);
  const pooled = graph.within("pool", () => graph.maxPool(x, POOL));
  const dy = graph.placeholder("dy", [-1, 3, 2, 3]);
  return { graph, x, pooled, dy, dx: graph.maxPoolGradient(x, pooled, dy, POOL) };
}

test.skipIf(!hasTensorFlow)(
  "max-pools without oneDNN's kernels have the same bits, and notes that are neither fed nor fetched",
  () => {
    const { graph, x, pooled, dy, dx } = poolGraph();
    const compute = (hasOneDnnPool: boolean) => {
      const session = new TensorFlowSession(loadTensorFlow(THREADS), graph, hasOneDnnPool);
      const floats = session.scope((scope) => {
        const images: Feed = [x, scope.tensor([2, 5, 4, 3], randomValues([2, 5, 4, 3], "x"))];
        const [y, notes] = scope.run([images], [pooled.y, pooled.notes]);
        const gradient: Feed = [dy, scope.tensor([2, 3, 2, 3], randomValues([2, 3, 2, 3], "dy"))];
        const fed: Feed[] = [images, [pooled.y, y!], [pooled.notes, notes!], gradient];
        return [y!, ...scope.run(fed, [dx])].map((tensor) => scope.floats(tensor));
      });
      session.dispose();
      return floats;
    };
    expect(compute(false)).toEqual(compute(true));
  },
);

test.skipIf(!hasTensorFlow)(
  "nodes keep the graph's names, as far as TensorFlow allows them",
  () => {
    const graph = new GraphBuilder();
    const theta = graph.variable("größe/kernel", [2]);
    const others = ["gr__e/kernel", "_hidden", "a b", "a:b", "a,b"].map((name) =>
      graph.constant(name, [2], Float32Array.of(1, 2)),
    );
    const sum = graph.within("layer", () => others.reduce((a, b) => graph.addTensors(a, b), theta));
    const names = lowerGraph(graph, { hasOneDnnPool: false }).nodes.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["gr__e/kernel", "gr__e/kernel_1", "layer/add"]));
    const session = open().open(graph);
    session.write([{ name: "größe/kernel", values: Float32Array.of(3, 4) }]);
    const [floats] = session.scope((scope) =>
      scope.run([], [sum]).map((each) => scope.floats(each)),
    );
    expect(floats).toEqual(Float32Array.of(8, 14));
    session.dispose();
  },
);

test("a run needs the variables that it reads and changes, not those whose values are fed", () => {
  const graph = new GraphBuilder();
  const [a, b] = [graph.variable("a", [2]), graph.variable("b", [2])];
  graph.variable("m", [2]);
  const sum = graph.addTensors(a, b);
  const rate = graph.constant("rate", [], Float32Array.of(1));
  const rule = { kind: "momentum", momentum: 0.9 } as const;
  const op = { kind: "optimizer-step", variable: "a", slots: ["m"], rule } as const;
  const step = graph.step(op, b, rate);
  expect(findVariables([sum], new Set())).toEqual(new Set(["a", "b"]));
  expect(findVariables([sum], new Set([a]))).toEqual(new Set(["b"]));
  expect(findVariables([sum, step], new Set([sum, b]))).toEqual(new Set(["a", "m"]));
});

test.skipIf(!hasTensorFlow)("a SavedModel is one that TensorFlow's own messages read", () => {
  interface SavedModel {
    getMetaGraphsList(): {
      getMetaInfoDef(): { getTagsList(): string[] };
      getGraphDef(): { getNodeList(): NodeMessage[] };
    }[];
  }
  interface NodeMessage {
    getName(): string;
    getInputList(): string[];
    getAttrMap(): {
      get(key: string): {
        getTensor(): { getTensorContent_asU8(): Uint8Array };
        getList(): { getIList(): number[] };
        getF(): number;
        getShape(): { getDimList(): { getSize(): number }[] };
      };
    };
  }
  const { SavedModel } = loadTensorFlowMessages() as {
    SavedModel: { deserializeBinary(bytes: Uint8Array): SavedModel };
  };
  const { graph, x } = poolGraph();
  graph.activation(graph.reshape(x, [60]), "leaky-relu", 0.2);
  const { nodes } = lowerGraph(graph, { hasOneDnnPool: false });
  const [meta] = SavedModel.deserializeBinary(encodeSavedModel(nodes)).getMetaGraphsList();
  expect(meta!.getMetaInfoDef().getTagsList()).toEqual(["tandem"]);
  const messages = new Map(
    meta!
      .getGraphDef()
      .getNodeList()
      .map((node) => [node.getName(), node]),
  );
  const attribute = (node: string, key: string) => messages.get(node)!.getAttrMap().get(key);
  const shape = attribute("reshape/shape", "value").getTensor().getTensorContent_asU8();
  expect(new Int32Array(shape.slice().buffer)).toEqual(Int32Array.of(-1, 60));
  expect(attribute("pool/max-pool", "ksize").getList().getIList()).toEqual([1, 3, 2, 1]);
  expect(attribute("activation", "alpha").getF()).toBeCloseTo(0.2, 7);
  const sides = attribute("x", "shape").getShape().getDimList();
  expect(sides.map((side) => side.getSize())).toEqual([-1, 5, 4, 3]);
  expect(messages.get("max-pool-gradient")!.getInputList()).toEqual(["x", "pool/max-pool", "dy"]);
});
