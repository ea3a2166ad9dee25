// Limits what is done at the same time: work takes as many slots as it is heavy, and waits in turn until they are free. Pure.

export class Slots {
  private readonly count: number;
  private free: number;
  private waiting: { size: number; start: () => void }[] = [];
  /** The first that waits: taking it off a long array would move all others. */
  private head = 0;

  /** @param count of slots in all */
  constructor(count: number) {
    this.count = count;
    this.free = count;
  }

  /** @param size at most all slots are taken */
  async run<Result>(size: number, work: () => Promise<Result>): Promise<Result> {
    const taken = Math.min(this.count, Math.max(1, Math.ceil(size)));
    await new Promise<void>((resolve) => {
      this.waiting.push({ size: taken, start: resolve });
      this.startWaiting();
    });
    try {
      return await work();
    } finally {
      this.free += taken;
      this.startWaiting();
    }
  }

  private startWaiting(): void {
    for (let next = this.waiting[this.head]; next; next = this.waiting[this.head]) {
      if (next.size > this.free) return;
      this.free -= next.size;
      this.head++;
      next.start();
    }
    this.waiting = [];
    this.head = 0;
  }
}
