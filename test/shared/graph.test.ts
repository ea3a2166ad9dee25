// How a graph is cut into two runs, and that the second is fed all that the first has computed and no more.
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { Graph, type Output, outputName } from "../../src/shared/model/graph.js";
import { cnn } from "../../src/shared/model/network.js";
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
  expect(names(ops.graph.between([early], [late]))).toEqual(names([shared]));
  // What the earlier run did not come to is computed by the later.
  expect(names(ops.graph.between([hidden], [late]))).toEqual(names([hidden]));
  expect(ops.graph.between([], [late])).toEqual([]);
});

test("a shard's way is cut after the factors, and not cut where there are none", () => {
  const graph = new NetworkGraph(cnn({ height: 28, width: 28 }, 10), true);
  const { gradients } = graph.training;
  const small = graph.trainingRuns(25);
  expect(small.factored.has("fc1/kernel")).toBe(true);
  const factors = gradients.get("fc1/kernel")!.factors!;
  expect(names(small.first.fetches)).toEqual(
    expect.arrayContaining(names([factors.inputs, factors.outputs])),
  );
  // The product itself is nobody's to compute: 13 MB.
  const fetched = names([...small.first.fetches, ...(small.second?.fetches ?? [])]);
  expect(fetched).not.toContain(outputName(gradients.get("fc1/kernel")!.dense));
  expect(names(small.second!.fetches)).toContain(outputName(gradients.get("conv1/kernel")!.dense));
  const available = names([...small.first.feeds, ...small.first.fetches]);
  expect(available).toEqual(expect.arrayContaining(names(small.second!.feeds)));

  const large = graph.trainingRuns(4000);
  expect(large.factored.size).toBe(0);
  expect(large.second).toBeUndefined();
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
