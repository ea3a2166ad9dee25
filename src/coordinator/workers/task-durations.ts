// How long tasks usually take, and hence when a worker that has not answered is a straggler. Pure.

export interface ScheduleLimits {
  /** A worker is a straggler after this many times the usual duration … */
  stragglerFactor: number;
  /** … but not before this. */
  stragglerMinMs: number;
  /** Used as long as no duration is known. */
  stragglerFirstMs: number;
}

export const DEFAULT_LIMITS: ScheduleLimits = {
  stragglerFactor: 4,
  stragglerMinMs: 250,
  stragglerFirstMs: 30_000,
};

/** Number of durations that the median is computed from. */
const REMEMBERED = 31;

export class TaskDurations {
  private readonly limits: ScheduleLimits;
  /** By kind and phase: tasks of one kind take about the same time from one barrier to the next. */
  private readonly known = new Map<string, number[]>();

  constructor(limits: ScheduleLimits) {
    this.limits = limits;
  }

  /** @param phase number of barriers that the task had reached */
  remember(kind: string, phase: number, durationMs: number): void {
    const key = `${kind} ${phase}`;
    const durations = this.known.get(key) ?? [];
    durations.push(durationMs);
    if (durations.length > REMEMBERED) durations.shift();
    this.known.set(key, durations);
  }

  /** How long the phase may take before the worker is a straggler. */
  allowedMs(kind: string, phase: number): number {
    const durations = this.known.get(`${kind} ${phase}`);
    if (!durations) return this.limits.stragglerFirstMs;
    const sorted = durations.toSorted((a, b) => a - b);
    const medianMs = sorted[Math.floor(sorted.length / 2)]!;
    return Math.max(this.limits.stragglerMinMs, this.limits.stragglerFactor * medianMs);
  }
}
