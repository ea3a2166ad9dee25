// Keeps the screen on while the page computes and is in front: a phone that sleeps stops its pages. Browsers offer this on pages
// served with TLS, or from this machine; elsewhere the user has to keep the screen on.
export class ScreenLock {
  private readonly onChange: () => void;
  private sentinel: WakeLockSentinel | undefined;
  private isWanted = false;
  private isAsking = false;

  constructor(onChange: () => void) {
    this.onChange = onChange;
    // The browser drops the lock with each hidden moment.
    document.addEventListener("visibilitychange", () => void this.update());
  }

  get isHeld(): boolean {
    return this.sentinel !== undefined;
  }

  set(isWanted: boolean): void {
    if (this.isWanted === isWanted) return;
    this.isWanted = isWanted;
    void this.update();
  }

  private async update(): Promise<void> {
    if (!this.isWanted) await this.sentinel?.release();
    else if (!this.isHeld && !this.isAsking && !document.hidden) await this.ask();
  }

  private async ask(): Promise<void> {
    if (!("wakeLock" in navigator)) return;
    this.isAsking = true;
    try {
      const sentinel = await navigator.wakeLock.request("screen");
      this.sentinel = sentinel;
      sentinel.addEventListener("release", () => {
        if (this.sentinel === sentinel) this.sentinel = undefined;
        this.onChange();
      });
      this.onChange();
    } catch {
      // Such as a battery that is low: the page works without.
    } finally {
      this.isAsking = false;
    }
    // What was wished may have changed meanwhile.
    if (this.isHeld) await this.update();
  }
}
