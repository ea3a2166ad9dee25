// Whether the page was stopped, by its browser or with the whole device. Its Web Workers were stopped with it, and find their
// connections broken when they go on. Pure.

/** A tick that is later than this was not only slow. */
const STOPPED_MS = 5_000;
/** A connection that breaks this long after is lost for another reason. */
const AFTERMATH_MS = 60_000;

export class SleepWatch {
  private lastTickMs: number;
  private wokeMs: number | undefined;

  /** @param nowMs of the time of day, here and below: other clocks may stand still while the device sleeps */
  constructor(nowMs: number) {
    this.lastTickMs = nowMs;
  }

  /** To be called every second or more often. */
  tick(nowMs: number): void {
    if (nowMs - this.lastTickMs > STOPPED_MS) this.wokeMs = nowMs;
    this.lastTickMs = nowMs;
  }

  /** The browser says that it stops the page. */
  freeze(nowMs: number): void {
    this.wokeMs = nowMs;
  }

  /** A worker is connected again: what was broken by the sleep is mended. */
  connected(): void {
    this.wokeMs = undefined;
  }

  /** True where a connection that is broken now broke by a sleep. */
  hasSlept(nowMs: number): boolean {
    return this.wokeMs !== undefined && nowMs - this.wokeMs < AFTERMATH_MS;
  }
}
