// A worker's handling of states: groups must be in order and of one step, and connections may be lost in between.
import { expect, test } from "vitest";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { FrameError } from "../../src/shared/protocol/frame.js";
import { checksumOf, sentTensors } from "../../src/shared/protocol/payloads/state.js";
import { isLarge, stateGroupCount } from "../../src/shared/replica/state-layout.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { WorkerRuntime } from "../../src/worker/worker-runtime.js";
import { configOf } from "../support/config.js";

/** With two buckets and a frozen first layer. */
const { network, ...rest } = configOf({ inputShape: [16, 16, 1] });
const config = {
  ...rest,
  network: {
    ...network,
    layers: network.layers.map((node) => ({ ...node, trainable: node.name !== "conv1" })),
  },
};
const layout = layoutOfRun(config);
const [FIRST, LAST, FROZEN] = [0, 1, 2];

function startWorker() {
  const runtime = new WorkerRuntime(layout, "weights", openEngine);
  const take = (group: number, step: number) => {
    const tensors = sentTensors(layout, "weights-only", group);
    const parts = tensors.map(({ shape }) => new Uint8Array(4 * sizeOf(shape)));
    const tailChecksum = checksumOf(parts.filter((_, index) => isLarge(tensors[index]!)));
    runtime.takeState({ type: "state", step, group, tailChecksum }, parts);
  };
  /** The step is checked before the number of samples, so this shows the worker's step. */
  const isAt = (step: number) => {
    const task = { type: "evaluate", task: 1, step, count: 0 } as const;
    expect(() => runtime.compute(task, [], () => undefined)).toThrow("task without samples");
  };
  const takeAll = (step: number) => {
    for (const group of [FROZEN, FIRST, LAST]) take(group, step);
  };
  return { take, takeAll, isAt };
}

test("the run has two buckets and a frozen layer", () => {
  expect(layout.buckets).toHaveLength(2);
  expect(stateGroupCount(layout)).toBe(3);
});

test("the last bucket completes a state, and frozen tensors are sent once", () => {
  const { take, takeAll, isAt } = startWorker();
  takeAll(4);
  isAt(4);
  take(FIRST, 5);
  isAt(4);
  take(LAST, 5);
  isAt(5);
});

test("a state that was cut off between its groups is sent again, at the same step or another", () => {
  for (const step of [4, 5]) {
    const { take, takeAll, isAt } = startWorker();
    take(FROZEN, 4);
    take(FIRST, 4);
    takeAll(step);
    isAt(step);
    take(FIRST, step + 1);
    // The coordinator is still at the same step when the worker reconnects.
    takeAll(step + 1);
    isAt(step + 1);
    take(FIRST, step + 2);
    take(FIRST, step + 2);
    take(LAST, step + 2);
    isAt(step + 2);
  }
});

test("groups out of order, of two steps, or without the frozen tensors are refused", () => {
  const { take, takeAll } = startWorker();
  expect(() => take(FIRST, 0)).toThrow("the first state lacks the frozen tensors");
  expect(() => take(LAST, 0)).toThrow(FrameError);
  takeAll(0);
  expect(() => take(LAST, 0)).toThrow("out of order");
  take(FIRST, 1);
  expect(() => take(LAST, 2)).toThrow("out of order");
  expect(() => take(3, 1)).toThrow(FrameError);
});
