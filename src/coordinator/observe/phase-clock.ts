// When the coordinator did what in a step, for the page's timeline and the run's log.
import type { PhaseTrace } from "../../shared/events.js";

/** Cuts the time since a step's tasks were assigned into phases. */
export class PhaseClock {
  readonly phases: PhaseTrace[] = [];
  /** When the step's tasks were assigned (`performance.now`). */
  readonly zeroMs = performance.now();
  private lastMs = this.zeroMs;

  /** The time before belongs to no phase. */
  start(): void {
    this.lastMs = performance.now();
  }

  /** Ends a phase, which began at the end of the last one or at `start`. */
  end(phase: PhaseTrace["phase"]): void {
    const fromMs = this.lastMs - this.zeroMs;
    this.lastMs = performance.now();
    this.phases.push({ phase, fromMs, toMs: this.lastMs - this.zeroMs });
  }
}
