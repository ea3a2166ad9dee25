// Keeps the screen on while the page computes and is visible: a phone that sleeps stops its pages. Browsers offer this only on
// pages served over TLS or from this machine. Elsewhere users have to keep the screen on themselves.
export class ScreenLock {
  private readonly onChange: () => void;
  private sentinel: WakeLockSentinel | undefined;
  private isWanted = false;
  private isAsking = false;

  constructor(onChange: () => void) {
    this.onChange = onChange;
    // The browser releases the lock whenever the page is hidden.
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
      // For example because the battery is low. The page works without the lock.
    } finally {
      this.isAsking = false;
    }
    // The wish may have changed meanwhile.
    if (this.isHeld) await this.update();
  }
}
