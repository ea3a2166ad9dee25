// The offset of a worker's clock from the coordinator's, from messages that are exchanged anyway: a worker cannot begin a task
// before it was sent, nor end it after its answer arrived. Each exchange bounds the offset on both sides, and the intersection of
// the bounds becomes narrower, as in Marzullo's algorithm ("Maintaining the time in a distributed system", 1984).
// Pure: the times are passed in.

/** Bounds older than this many exchanges are discarded, as clocks drift. */
const RENEW_AFTER = 500;

export class ClockOffset {
  private bounds = { min: -Infinity, max: Infinity };
  private fresh = { min: -Infinity, max: Infinity };
  private exchanges = 0;

  /**
   * @param sentMs when the coordinator sent the task, by its clock
   * @param fromMs when the worker began, by the worker's clock
   * @param toMs when the worker ended, by the worker's clock
   * @param receivedMs when the coordinator received the answer, by its clock
   */
  note(sentMs: number, fromMs: number, toMs: number, receivedMs: number): void {
    if (++this.exchanges % RENEW_AFTER === 0) {
      this.bounds = this.fresh;
      this.fresh = { min: -Infinity, max: Infinity };
    }
    for (const bounds of [this.bounds, this.fresh]) {
      bounds.min = Math.max(bounds.min, toMs - receivedMs);
      bounds.max = Math.min(bounds.max, fromMs - sentMs);
    }
  }

  /** The worker's clock minus the coordinator's clock, in milliseconds. */
  get offsetMs(): number {
    const { min, max } = this.bounds;
    return Number.isFinite(min + max) ? (min + max) / 2 : 0;
  }
}
