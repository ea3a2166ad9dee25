// Workers that lost their connection shortly before the end of the run. They are given time to reconnect, so that they learn
// that the run has ended.

/** Workers that lost their connection at most this long before the end … */
const LOST_MS = 20_000;
/** … are waited for this long. */
const LINGER_MS = 6_000;
const MAX_LOST = 1024;

export class LostWorkers {
  /** When each lost its connection, by name. */
  private readonly lostMs = new Map<string, number>();
  private onReturn: () => void = () => undefined;

  noteLost(name: string, nowMs: number): void {
    this.lostMs.delete(name);
    this.lostMs.set(name, nowMs);
    const [oldest] = this.lostMs.keys();
    if (this.lostMs.size > MAX_LOST && oldest !== undefined) this.lostMs.delete(oldest);
  }

  noteReturn(name: string): void {
    this.lostMs.delete(name);
    this.onReturn();
  }

  /** Resolves when all of them have reconnected, after `LINGER_MS` at the latest. */
  async waitForReturn(nowMs: number): Promise<void> {
    for (const [name, lostMs] of this.lostMs) {
      if (lostMs < nowMs - LOST_MS) this.lostMs.delete(name);
    }
    if (this.lostMs.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LINGER_MS);
      this.onReturn = () => {
        if (this.lostMs.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
