// The slowest of the last steps: a maximum over a sliding window, compared with one over the whole window.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SlowestTrace } from "../../../src/coordinator/observe/dashboard/slowest-trace.js";
import type { RunEvent } from "../../../src/shared/run-event.js";

const traceOf = (step: number, toMs: number): RunEvent & { event: "trace" } => ({
  event: "trace",
  step,
  tasks: [],
  phases: [{ phase: "optimizer", fromMs: 0, toMs }],
});

/** The newest of equal ones. */
function slowestOf(durations: readonly number[]): number {
  const first = Math.max(0, durations.length - 100);
  const last = durations.slice(first);
  return first + last.lastIndexOf(Math.max(...last));
}

test("is that of the last 100 steps after each step", () => {
  const durations = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 350 });
  fc.assert(
    fc.property(durations, (all) => {
      const window = new SlowestTrace();
      expect(window.slowest).toBeUndefined();
      all.forEach((toMs, step) => {
        window.add(traceOf(step, toMs));
        expect(window.slowest?.step).toBe(slowestOf(all.slice(0, step + 1)));
      });
    }),
  );
});

test("a step lasts until its last answer", () => {
  const window = new SlowestTrace();
  const task = {
    task: "shard",
    ...{ worker: "a", shard: 0, samples: 1 },
    ...{ sentMs: 0, computedFromMs: 1, computedToMs: 8, waitedMs: 0, answeredMs: 9 },
  } as const;
  window.add({ event: "trace", step: 0, tasks: [task], phases: [] });
  window.add(traceOf(1, 8));
  expect(window.slowest?.step).toBe(0);
});

test("a resumed run counts its steps again", () => {
  const window = new SlowestTrace();
  for (const step of [50, 51]) window.add(traceOf(step, 9));
  window.add(traceOf(20, 1));
  expect(window.slowest?.step).toBe(20);
});
