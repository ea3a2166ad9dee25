// The slowest of the last steps, for the page's timeline. Pure.
import type { RunEvent } from "../../../shared/run-event.js";
import type { PageUpdateOf } from "./page-update.js";

type Trace = RunEvent & { event: "trace" };

const WINDOW_STEPS = 100;

/** A maximum over a sliding window. A trace is dropped once a later one is at least as slow, so few are kept. */
export class SlowestTrace {
  /** Each is slower than those after it. */
  private candidates: { trace: Trace; durationMs: number }[] = [];

  add(trace: Trace): void {
    const durationMs = durationOf(trace);
    const isKept = (other: { trace: Trace; durationMs: number }) =>
      other.durationMs > durationMs &&
      other.trace.step > trace.step - WINDOW_STEPS &&
      // A resumed run repeats step numbers.
      other.trace.step < trace.step;
    this.candidates = [...this.candidates.filter(isKept), { trace, durationMs }];
  }

  /** Of the last 100 steps; undefined if there were none. */
  get slowest(): Trace | undefined {
    return this.candidates[0]?.trace;
  }
}

/** An update names the slowest step only when it has changed: otherwise it is still that of the previous update. */
export function carrySlowest(
  previous: PageUpdateOf<"trace"> | undefined,
  update: PageUpdateOf<"trace">,
): PageUpdateOf<"trace"> {
  const slowest = update.slowest ?? previous?.slowest;
  return slowest ? { ...update, slowest } : update;
}

/** From the start of the step to the end of its last task or phase. */
function durationOf({ tasks, phases }: Trace): number {
  const ends = [...tasks.map(({ answeredMs }) => answeredMs), ...phases.map(({ toMs }) => toMs)];
  return ends.reduce((last, end) => Math.max(last, end), 0);
}
