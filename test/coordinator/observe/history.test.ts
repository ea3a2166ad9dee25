// What a page that is opened late receives: bounded in bytes, and without the steps that a resumed run repeats.
import { describe, expect, test } from "vitest";
import { History } from "../../../src/coordinator/observe/dashboard/history.js";
import {
  evaluationUpdate,
  startUpdate,
  statisticsUpdate,
  stepsUpdate,
  traceUpdate,
} from "../../support/page-updates.js";

const MIB = 1024 * 1024;

describe("the history of a run", () => {
  test("of a long run with many shards and workers stays within 4 MiB", () => {
    const history = new History();
    for (let step = 0; step < 20_000; step++) {
      history.add(stepsUpdate(step));
      history.add(evaluationUpdate(step));
      history.add({ kind: "mark", at: 0, step, what: "joined", text: "x".repeat(600) });
      if (step % 50 === 0) history.add(statisticsUpdate(step, 16));
    }
    expect(Buffer.byteLength(JSON.stringify(history.updates()))).toBeLessThan(4 * MIB);
    const kept = history.updates().filter((update) => update.kind === "statistics");
    expect(kept.at(-1)?.layers[0]?.shards).toHaveLength(16);
    expect(kept.at(-2)?.layers[0]?.shards).toHaveLength(0);
  });

  test("a late page receives the slowest step, which is sent only when it changes", () => {
    const history = new History();
    history.add(startUpdate(0));
    history.add(traceUpdate(1, 0));
    history.add(traceUpdate(2));
    const traces = () => history.updates().filter((update) => update.kind === "trace");
    expect(traces()).toMatchObject([{ step: 2, slowest: { step: 0 } }]);
    history.add(traceUpdate(3, 3));
    expect(traces()).toMatchObject([{ step: 3, slowest: { step: 3 } }]);
    history.add(startUpdate(2));
    expect(traces()).toEqual([]);
  });

  test("a resumed run's steps replace those done before", () => {
    const history = new History();
    for (const update of [
      startUpdate(0),
      stepsUpdate(0, 1, 2, 3),
      evaluationUpdate(0),
      evaluationUpdate(3),
    ])
      history.add(update);
    for (const update of [startUpdate(2), stepsUpdate(2, 3), evaluationUpdate(4)])
      history.add(update);
    const updates = history.updates();
    expect(updates.find((update) => update.kind === "steps")?.steps).toEqual([0, 1, 2, 3]);
    const evaluations = updates.filter((update) => update.kind === "evaluation");
    expect(evaluations.map((update) => update.step)).toEqual([0, 4]);
  });

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
    const updates = history.updates();
    const count = (kind: string) => updates.filter((update) => update.kind === kind).length;
    expect(count("statistics")).toBeLessThanOrEqual(48);
    expect(count("mark")).toBe(2000);
    const all = updates.find((update) => update.kind === "steps");
    expect(all?.steps.length).toBeLessThanOrEqual(20_000);
    const gaps = new Set(all?.steps.slice(1).map((step, index) => step - all.steps[index]!));
    expect(gaps.size).toBe(1);
    expect(all?.losses).toEqual(all?.steps);
    expect(updates.findLast((update) => update.kind === "statistics")?.step).toBe(99_900);
  });
});
