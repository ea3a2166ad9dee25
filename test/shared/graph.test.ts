// How a graph is cut into runs, and that each is fed what those before it have computed and no more.
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { Graph, type Output, outputName } from "../../src/shared/model/graph.js";
import { cnn, networkOf } from "../../src/shared/model/network.js";
import { NetworkGraph } from "../../src/shared/model/network-graph.js";
import { Ops } from "../../src/shared/model/ops.js";

const names = (outputs: readonly Output[]) => outputs.map(outputName);

test("a later run is fed what an earlier one computed, but constants and variables' values it takes itself", () => {
  const ops = new Ops(new Graph(), false);
  const x = ops.placeholder("x", [-1, 3]);
  const weight = ops.variable("weight", [3, 3]);
  const hidden = ops.matMul(x, weight.value);
  const shared = ops.relu(hidden);
  const early = ops.softmax(shared);
  const late = ops.multiply(
    ops.matMul(shared, weight.value),
    ops.constant("two", Float32Array.of(2)),
  );
  const [first, second] = ops.graph.cut([[early], [late]]);
  expect(names(first!.feeds)).toEqual(names([x]));
  // What it wants itself, and what the later run needs of it.
  expect(names(first!.fetches)).toEqual(names([early, shared]));
  expect(names(second!.feeds)).toEqual(names([shared]));
  expect(names(second!.fetches)).toEqual(names([late]));
  // What no run before came to is computed where it is wanted first, from what is there.
  const [, ...rest] = ops.graph.cut([[hidden], [shared], [late]]);
  expect(rest.map(({ feeds }) => names(feeds))).toEqual([names([hidden]), names([shared])]);
  // Placeholders are fed to every run that needs them, and fetched from none.
  const other = ops.multiply(x, hidden);
  const runs = ops.graph.cut([[hidden], [other]]);
  expect(names(runs[1]!.feeds)).toEqual(names([x, hidden]));
  expect(names(runs[0]!.fetches)).toEqual(names([hidden]));
});

test("a shard's way is cut behind the classifier's gradients, factored or not", () => {
  const graph = new NetworkGraph(cnn({ height: 28, width: 28 }, 10), true);
  const { gradients } = graph.training;
  const small = graph.trainingRuns(25);
  expect([...small.factored]).toEqual(["fc1/kernel"]);
  const factors = gradients.get("fc1/kernel")!.factors!;
  const dense = (...parameters: string[]) =>
    names(parameters.map((name) => gradients.get(name)!.dense));
  expect(names(small.first.fetches)).toEqual(
    expect.arrayContaining([
      ...names([factors.inputs, factors.outputs]),
      ...dense("fc1/bn/scale", "fc2/kernel", "fc2/bias"),
    ]),
  );
  // The product itself is nobody's to compute: 13 MB.
  const fetched = names([...small.first.fetches, ...small.second!.fetches]);
  expect(fetched).not.toContain(dense("fc1/kernel")[0]);
  expect(names(small.second!.fetches)).toEqual(
    expect.arrayContaining(dense("conv1/kernel", "conv2/bn/beta")),
  );
  const available = names([...small.first.feeds, ...small.first.fetches]);
  expect(available).toEqual(expect.arrayContaining(names(small.second!.feeds)));

  const large = graph.trainingRuns(4000);
  expect(large.factored.size).toBe(0);
  expect(names(large.first.fetches)).toEqual(expect.arrayContaining(dense("fc1/kernel")));
});

test("a network without features is not cut", () => {
  const layers = [{ kind: "dense", name: "only", units: 10, bias: true }] as const;
  const graph = new NetworkGraph(networkOf({ height: 4, width: 4 }, 10, [...layers]), true);
  expect(graph.trainingRuns(2).second).toBeUndefined();
});

test("a SavedModel is one that TensorFlow's own messages read", () => {
  interface SavedModel {
    getMetaGraphsList(): {
      getMetaInfoDef(): { getTagsList(): string[] };
      getGraphDef(): {
        getNodeList(): {
          getName(): string;
          getOp(): string;
          getAttrMap(): {
            get(key: string): {
              getTensor(): { getTensorContent_asU8(): Uint8Array };
              getList(): { getIList(): number[] };
              getF(): number;
              getShape(): { getDimList(): { getSize(): number }[] };
            };
          };
        }[];
      };
    }[];
  }
  const { SavedModel } = createRequire(import.meta.url)(
    "@tensorflow/tfjs-node/dist/proto/api_pb.js",
  ) as { SavedModel: { deserializeBinary(bytes: Uint8Array): SavedModel } };
  const { graph } = new NetworkGraph(cnn({ height: 28, width: 28 }, 10), false);
  const [meta] = SavedModel.deserializeBinary(graph.savedModel()).getMetaGraphsList();
  expect(meta!.getMetaInfoDef().getTagsList()).toEqual(["tandem"]);
  const nodes = new Map(
    meta!
      .getGraphDef()
      .getNodeList()
      .map((node) => [node.getName(), node]),
  );
  const attribute = (node: string, key: string) => nodes.get(node)!.getAttrMap().get(key);
  const beta2 = attribute("adam/fc1/kernel/beta2", "value").getTensor().getTensorContent_asU8();
  expect(new DataView(beta2.slice().buffer).getFloat32(0, true)).toBe(Math.fround(0.999));
  expect(attribute("conv1/max_pool", "ksize").getList().getIList()).toEqual([1, 2, 2, 1]);
  expect(attribute("conv1/bn/normalised", "epsilon").getF()).toBeCloseTo(1e-5, 12);
  const sides = attribute("images", "shape").getShape().getDimList();
  expect(sides.map((side) => side.getSize())).toEqual([-1, 28, 28, 1]);
});
