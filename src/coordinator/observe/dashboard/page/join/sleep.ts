// Detects whether the page was suspended, by its browser or with the whole device. Its Web Workers were suspended too and find
// their connections broken when they continue. Pure.

/** A tick that is later than this is not just slow. */
const STOPPED_MS = 5_000;
/** A connection that breaks later than this after a sleep was lost for another reason. */
const AFTERMATH_MS = 60_000;

export class SleepWatch {
  private lastTickMs: number;
  private wokeMs: number | undefined;

  /** @param nowMs the time of day, here and below: other clocks may stop while the device sleeps */
  constructor(nowMs: number) {
    this.lastTickMs = nowMs;
  }

  /** To be called at least once per second. */
  tick(nowMs: number): void {
    if (nowMs - this.lastTickMs > STOPPED_MS) this.wokeMs = nowMs;
    this.lastTickMs = nowMs;
  }

  /** The browser reports that it is suspending the page. */
  freeze(nowMs: number): void {
    this.wokeMs = nowMs;
  }

  /** A worker is connected again: the damage by the sleep is repaired. */
  connected(): void {
    this.wokeMs = undefined;
  }

  /** Whether a connection that is broken now was broken by a sleep. */
  hasSlept(nowMs: number): boolean {
    return this.wokeMs !== undefined && nowMs - this.wokeMs < AFTERMATH_MS;
  }
}
