// Limits concurrent work: each piece of work takes a number of slots, and waits in turn until they are free. Pure.

export class Slots {
  private readonly count: number;
  private free: number;
  private waiting: { size: number; start: () => void }[] = [];
  /** Index of the first that waits; removing it from a long array would move all others. */
  private head = 0;

  /** @param count total number of slots */
  constructor(count: number) {
    this.count = count;
    this.free = count;
  }

  /** @param size in slots; rounded up, and limited to all slots */
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
