// A rate limit: a burst of requests, and a number per second in the long run.

/** Of addresses whose limits are remembered. If there are more, the oldest are forgotten. */
const MAX_KEYS = 10_000;

export interface Rate {
  burst: number;
  perSecond: number;
}

export class TokenBucket {
  private readonly rate: Rate;
  private readonly now: () => number;
  private level: number;
  private filledMs: number;

  /** @param now a monotonic clock, in milliseconds */
  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.rate = rate;
    this.now = now;
    this.level = rate.burst;
    this.filledMs = now();
  }

  /** @returns false if the limit is reached */
  take(): boolean {
    const { burst, perSecond } = this.rate;
    const nowMs = this.now();
    const gained = ((nowMs - this.filledMs) / 1000) * perSecond;
    this.filledMs = nowMs;
    this.level = Math.min(burst, this.level + gained);
    if (this.level < 1) return false;
    this.level--;
    return true;
  }
}

/** A limit for each key, such as an address. */
export class KeyedBuckets {
  private readonly rate: Rate;
  private readonly now: () => number;
  private readonly buckets = new Map<string, TokenBucket>();

  /** @param now a monotonic clock, in milliseconds */
  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.rate = rate;
    this.now = now;
  }

  take(key: string): boolean {
    const bucket = this.buckets.get(key) ?? new TokenBucket(this.rate, this.now);
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > MAX_KEYS && oldest !== undefined) this.buckets.delete(oldest);
    return bucket.take();
  }
}
