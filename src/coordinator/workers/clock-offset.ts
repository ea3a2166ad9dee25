// Where a worker's clock stands against the coordinator's, from messages that are exchanged anyhow: a worker cannot begin a
// task before it was sent, nor end it after its answer arrived. Each exchange bounds the offset from both sides, and what
// all of them allow grows narrower, as in Marzullo's algorithm ("Maintaining the time in a distributed system", 1984).
// Pure: the times are handed in.

/** After so many exchanges the bounds are found anew, as clocks drift. */
const RENEW_AFTER = 500;

export class ClockOffset {
  private bounds = { least: -Infinity, most: Infinity };
  private fresh = { least: -Infinity, most: Infinity };
  private exchanges = 0;

  /**
   * @param sentMs when the coordinator sent, by its clock
   * @param fromMs when the worker began, by its own
   * @param toMs when the worker ended, by its own
   * @param receivedMs when the coordinator received, by its clock
   */
  note(sentMs: number, fromMs: number, toMs: number, receivedMs: number): void {
    if (++this.exchanges % RENEW_AFTER === 0) {
      this.bounds = this.fresh;
      this.fresh = { least: -Infinity, most: Infinity };
    }
    for (const bounds of [this.bounds, this.fresh]) {
      bounds.least = Math.max(bounds.least, toMs - receivedMs);
      bounds.most = Math.min(bounds.most, fromMs - sentMs);
    }
  }

  /** What the worker's clock shows less what the coordinator's does, in milliseconds. */
  get offsetMs(): number {
    const { least, most } = this.bounds;
    return Number.isFinite(least + most) ? (least + most) / 2 : 0;
  }
}
