// When each phase of the coordinator's work in a step ran, for the page's timeline and the run's log.
import type { PhaseTrace } from "../../shared/run-event.js";

/** Cuts the time since a step's tasks were assigned into phases. */
export class PhaseClock {
  readonly phases: PhaseTrace[] = [];
  /** When the step's tasks were assigned (`performance.now`). */
  readonly zeroMs = performance.now();
  private lastMs = this.zeroMs;

  /** The time up to now belongs to no phase. */
  start(): void {
    this.lastMs = performance.now();
  }

  /** Ends a phase that began at the end of the last one or at `start`. */
  end(phase: PhaseTrace["phase"]): void {
    const fromMs = this.lastMs - this.zeroMs;
    this.lastMs = performance.now();
    this.phases.push({ phase, fromMs, toMs: this.lastMs - this.zeroMs });
  }
}
