// Sums of the wasm engine are as close to float64 as those of the tensorflow engine, on shapes of the preset `cnn`.
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/shared/engine/engine.js";
import { openTensorFlow } from "../../src/shared/engine/tensorflow/engine.js";
import { isTensorFlowInstalled } from "../../src/shared/engine/tensorflow/installation.js";
import { openWasm } from "../../src/shared/engine/wasm/engine.js";
import { loadKernels } from "../../src/shared/engine/wasm/load-kernels.js";
import type { Value } from "../../src/shared/graph/graph.js";
import type { Window } from "../../src/shared/network/window-shape.js";
import { CaseGraph } from "./conformance/op-case.js";
import { runCase, withSession } from "./conformance/support.js";
import { evaluate } from "../support/reference/evaluate.js";
import { tensorOf } from "../support/reference/tensor.js";

const WINDOW: Window = { size: [5, 5], strides: [1, 1], padding: "same" };
const SAMPLES = 16;
const IMAGE = [14, 14, 32];
const FILTERS = 4;

const CASES: Readonly<Record<string, (graph: CaseGraph) => Value>> = {
  "a product with 3136 terms": (graph) => {
    return graph.matMul(graph.samples([16, 3136]), graph.fixed([3136, 64]));
  },
  "a product with 1024 terms, transposed": (graph) => {
    return graph.matMul(graph.samples([16, 1024]), graph.fixed([96, 1024]), { transposeB: true });
  },
  "a convolution": (graph) => {
    const kernel = graph.fixed([5, 5, 32, FILTERS]);
    return graph.conv2d.forward(graph.samples([SAMPLES, ...IMAGE]), kernel, WINDOW);
  },
  "a convolution's input gradient": (graph) => {
    const kernel = graph.fixed([5, 5, 32, FILTERS]);
    const dy = graph.samples([SAMPLES, 14, 14, FILTERS]);
    return graph.conv2d.inputGradient(kernel, dy, IMAGE, WINDOW);
  },
  "a convolution's kernel gradient": (graph) => {
    const dy = graph.samples([SAMPLES, 14, 14, FILTERS]);
    return graph.conv2d.kernelGradient(graph.samples([SAMPLES, ...IMAGE]), dy, WINDOW);
  },
  "a kernel gradient with 39200 terms": (graph) => {
    const [x, dy] = [graph.samples([50, 28, 28, 1]), graph.samples([50, 28, 28, 8])];
    return graph.conv2d.kernelGradient(x, dy, WINDOW);
  },
};

describe.skipIf(!isTensorFlowInstalled())("accuracy beside the tensorflow engine's", () => {
  const engines = [openWasm(loadKernels()), openTensorFlow(1)];

  test.each(Object.keys(CASES))("%s", (name) => {
    const graph = new CaseGraph();
    const value = CASES[name]!(graph);
    const feeds = graph.inputs.map((input) => {
      return [input.value, tensorOf(input.shape, input.values)] as const;
    });
    const [exact] = evaluate(new Map(feeds), [value], new Map());
    const [wasm, tensorflow] = engines.map((engine) =>
      errorOf(engine, graph, value, exact!.values),
    );
    expect(wasm).toBeLessThan(1.25 * tensorflow!);
  });

  /** Root mean square of the differences from the reference. */
  function errorOf(engine: Engine, graph: CaseGraph, value: Value, exact: Float64Array): number {
    const [[found]] = withSession(engine, graph, (session) => {
      return runCase(session, graph.inputs, [value]);
    });
    const squares = found!.reduce((sum, each, at) => sum + (each - exact[at]!) ** 2, 0);
    return Math.sqrt(squares / exact.length);
  }
});
