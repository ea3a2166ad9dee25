// The parts behind the page and TensorBoard that need no run: history, clocks, the graph.
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClockOffset } from "../../src/coordinator/workers/clock-offset.js";
import { History } from "../../src/coordinator/observe/dashboard/history.js";
import { waitingText } from "../../src/coordinator/observe/sinks/narration.js";
import { NetworkGraph } from "../../src/shared/model/network-graph.js";
import { cnn } from "../../src/shared/model/network.js";

describe("the history of a run", () => {
  test("stays bounded, keeps every kind, and its steps stay evenly spaced", () => {
    const history = new History();
    const at = 0;
    for (let step = 0; step < 100_000; step += 100) {
      const steps = Array.from({ length: 100 }, (_, index) => step + index);
      history.add({ kind: "steps", at, steps, losses: steps, durationsMs: steps });
      history.add({ kind: "statistics", at, step, layers: [] });
      for (let mark = 0; mark < 5; mark++) {
        history.add({ kind: "mark", at, step, what: "joined", text: "" });
      }
    }
    const lines = history.lines();
    const count = (kind: string) => lines.filter((line) => line.kind === kind).length;
    expect(count("statistics")).toBeLessThanOrEqual(48);
    expect(count("mark")).toBe(2000);
    const all = lines.find((line) => line.kind === "steps");
    expect(all?.steps.length).toBeLessThanOrEqual(20_000);
    const gaps = new Set(all?.steps.slice(1).map((step, index) => step - all.steps[index]!));
    expect(gaps.size).toBe(1);
    expect(all?.losses).toEqual(all?.steps);
    expect(lines.findLast((line) => line.kind === "statistics")?.step).toBe(99_900);
  });
});

describe("a worker's clock", () => {
  test("is placed to within half of the shortest exchange", () => {
    const exchange = fc.record({
      waitMs: fc.double({ min: 0, max: 50, noNaN: true }),
      workMs: fc.double({ min: 0, max: 50, noNaN: true }),
      backMs: fc.double({ min: 0, max: 50, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.array(exchange, { minLength: 1, maxLength: 30 }),
        (offset, exchanges) => {
          const clock = new ClockOffset();
          let nowMs = 1000;
          for (const { waitMs, workMs, backMs } of exchanges) {
            const from = nowMs + waitMs;
            const to = from + workMs;
            clock.note(nowMs, from + offset, to + offset, to + backMs);
            nowMs = to + backMs + 1;
          }
          const shortest = Math.min(...exchanges.map(({ waitMs, backMs }) => waitMs + backMs));
          expect(Math.abs(clock.offsetMs - offset)).toBeLessThanOrEqual(shortest / 2 + 1e-3);
        },
      ),
    );
  });
});

test("what is waited for is told with its times", () => {
  const since = new Date(2026, 0, 1, 12, 3, 10);
  expect(waitingText("waiting for 1 more worker", 600, since)).toBe(
    "waiting for 1 more worker, since 12:03:10, until 12:13:10 at most",
  );
});

test("the graph is one that TensorFlow's own messages read, with the layers as scopes", () => {
  interface NodeDef {
    getName(): string;
    getOp(): string;
    getInputList(): string[];
  }
  const { GraphDef } = createRequire(import.meta.url)(
    "@tensorflow/tfjs-node/dist/proto/api_pb.js",
  ) as { GraphDef: { deserializeBinary(bytes: Uint8Array): { getNodeList(): NodeDef[] } } };
  const nodes = GraphDef.deserializeBinary(
    new NetworkGraph(cnn({ height: 28, width: 28 }, 10), true).graph.graphDef(),
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
  expect([...scopes]).toEqual(
    expect.arrayContaining(["images", "conv1", "conv2", "fc1", "fc2", "loss", "adam"]),
  );
  const of = (name: string) => nodes.find((node) => node.getName() === name);
  expect(of("conv2/convolution")?.getInputList()).toEqual(["conv1/relu", "conv2/kernel/value"]);
});
