// A rate limit: so many at once, and so many per second in the long run.

/** Addresses whose limits are remembered; the oldest are forgotten. */
const MAX_KEYS = 10_000;

export class TokenBucket {
  private readonly capacity: number;
  private readonly perSecond: number;
  private level: number;
  private filledMs = performance.now();

  constructor(capacity: number, perSecond: number) {
    this.capacity = capacity;
    this.level = capacity;
    this.perSecond = perSecond;
  }

  /** @returns false where the limit is reached */
  take(): boolean {
    const now = performance.now();
    const gained = ((now - this.filledMs) / 1000) * this.perSecond;
    this.filledMs = now;
    this.level = Math.min(this.capacity, this.level + gained);
    if (this.level < 1) return false;
    this.level--;
    return true;
  }
}

/** A limit for each key, such as an address. */
export class KeyedBuckets {
  private readonly create: () => TokenBucket;
  private readonly buckets = new Map<string, TokenBucket>();

  constructor(create: () => TokenBucket) {
    this.create = create;
  }

  take(key: string): boolean {
    const bucket = this.buckets.get(key) ?? this.create();
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > MAX_KEYS && oldest !== undefined) this.buckets.delete(oldest);
    return bucket.take();
  }
}
