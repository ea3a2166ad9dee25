// The slowest of the last steps, for the page's timeline. Pure.
import type { RunEvent } from "../../../shared/events.js";

type Trace = RunEvent & { event: "trace" };

const WINDOW_STEPS = 100;

/** A maximum over a sliding window: traces that a later and slower one outlives are forgotten, so few are kept. */
export class SlowestTrace {
  /** Each is slower than those behind it. */
  private candidates: { trace: Trace; durationMs: number }[] = [];

  add(trace: Trace): void {
    const durationMs = durationOf(trace);
    const isKept = (other: { trace: Trace; durationMs: number }) =>
      other.durationMs > durationMs &&
      other.trace.step > trace.step - WINDOW_STEPS &&
      // A run that was resumed counts its steps again.
      other.trace.step < trace.step;
    this.candidates = [...this.candidates.filter(isKept), { trace, durationMs }];
  }

  /** Of the last 100 steps; undefined where there was none. */
  get slowest(): Trace | undefined {
    return this.candidates[0]?.trace;
  }
}

/** From the step's begin to the end of its last task or phase. */
function durationOf({ tasks, phases }: Trace): number {
  const ends = [...tasks.map(({ answeredMs }) => answeredMs), ...phases.map(({ toMs }) => toMs)];
  return ends.reduce((last, end) => Math.max(last, end), 0);
}
