// How long tasks usually take, and so from when on a worker that has not answered is a straggler. Pure.

export interface ScheduleLimits {
  /** A worker is a straggler after this many times what such tasks usually take … */
  stragglerFactor: number;
  /** … but not before this. */
  stragglerMinMs: number;
  /** As long as nothing is known about how long such tasks take. */
  stragglerFirstMs: number;
}

export const DEFAULT_LIMITS: ScheduleLimits = {
  stragglerFactor: 4,
  stragglerMinMs: 250,
  stragglerFirstMs: 30_000,
};

/** How many durations the usual one is taken from. */
const REMEMBERED = 31;

export class TaskDurations {
  private readonly limits: ScheduleLimits;
  /** By kind and phase: tasks of one kind take about as long from one barrier to the next. */
  private readonly known = new Map<string, number[]>();

  constructor(limits: ScheduleLimits) {
    this.limits = limits;
  }

  /** @param phase barriers that the task had come to */
  remember(kind: string, phase: number, durationMs: number): void {
    const key = `${kind} ${phase}`;
    const durations = this.known.get(key) ?? [];
    durations.push(durationMs);
    if (durations.length > REMEMBERED) durations.shift();
    this.known.set(key, durations);
  }

  /** What the phase may take before its worker is a straggler. */
  allowedMs(kind: string, phase: number): number {
    const durations = this.known.get(`${kind} ${phase}`);
    if (!durations) return this.limits.stragglerFirstMs;
    const sorted = durations.toSorted((a, b) => a - b);
    const usual = sorted[Math.floor(sorted.length / 2)]!;
    return Math.max(this.limits.stragglerMinMs, this.limits.stragglerFactor * usual);
  }
}
