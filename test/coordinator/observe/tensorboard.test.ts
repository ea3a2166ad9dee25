// The graph that TensorBoard draws.
import { expect, test } from "vitest";
import { graphDefOf } from "../../../src/coordinator/observe/sinks/tensorboard.js";
import { NetworkGraph } from "../../../src/shared/graph/network-graph.js";
import { layoutOfRun } from "../../../src/shared/run-layout.js";
import { configOf } from "../../support/config.js";
import { hasTensorFlow } from "../../support/engines.js";
import { loadTensorFlowMessages } from "../../support/tensorflow-messages.js";

test.skipIf(!hasTensorFlow)(
  "the graph is one that TensorFlow's own messages read, with the layers as scopes",
  () => {
    interface NodeDef {
      getName(): string;
      getOp(): string;
      getInputList(): string[];
    }
    const { GraphDef } = loadTensorFlowMessages() as {
      GraphDef: { deserializeBinary(bytes: Uint8Array): { getNodeList(): NodeDef[] } };
    };
    const config = configOf();
    const { network } = layoutOfRun(config);
    const nodes = GraphDef.deserializeBinary(
      graphDefOf(new NetworkGraph(network, config.loss, config.optimizer).graph),
    ).getNodeList();
    const names = nodes.map((node) => node.getName());
    expect(new Set(names).size).toBe(names.length);
    for (const node of nodes) {
      expect(node.getOp()).not.toBe("");
      for (const input of node.getInputList()) {
        expect(names).toContain(input.replace(/^\^|:\d+$/g, ""));
      }
    }
    const scopes = new Set(names.map((name) => name.split("/")[0]));
    const layers = ["conv1", "conv2", "fc1", "fc2"];
    const passes = ["loss", "gradients", "inference", "optimizer"];
    for (const scope of ["inputs", "targets", ...layers, ...passes])
      expect(scopes).toContain(scope);
    const convolution = nodes.find((node) => {
      return node.getOp() === "Conv2D" && node.getName().startsWith("conv2/");
    });
    expect(convolution?.getInputList()).toEqual([
      expect.stringMatching(/^conv1\/relu/),
      expect.stringMatching(/^conv2\/kernel/),
    ]);
  },
);
