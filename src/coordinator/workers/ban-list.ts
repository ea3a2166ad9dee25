// Counts failures by origin: an origin that keeps failing is banned temporarily; one that returns wrong results, permanently.
// Pure: the time is passed in.

export interface BanLimits {
  /** This many failures … */
  maxFailures: number;
  /** … within this time … */
  windowMs: number;
  /** … ban an origin for this long. */
  banMs: number;
}

export const DEFAULT_BAN_LIMITS: BanLimits = {
  maxFailures: 4,
  windowMs: 30_000,
  banMs: 15_000,
};

interface Entry {
  failuresMs: number[];
  bannedUntilMs: number;
}

/** Beyond this many, the oldest entries are dropped, so that invented names cannot fill the memory. */
const MAX_ENTRIES = 4096;

export class BanList {
  private readonly limits: BanLimits;
  private readonly entries = new Map<string, Entry>();

  constructor(limits: BanLimits = DEFAULT_BAN_LIMITS) {
    this.limits = limits;
  }

  get size(): number {
    return this.entries.size;
  }

  /** @param origin identifies the peer; it must not be able to change it by restarting */
  noteFailure(origin: string, nowMs: number): void {
    const entry = this.entryOf(origin);
    const { windowMs, maxFailures } = this.limits;
    entry.failuresMs = entry.failuresMs.filter((time) => nowMs - time < windowMs);
    entry.failuresMs.push(nowMs);
    if (entry.failuresMs.length < maxFailures) return;
    entry.failuresMs = [];
    this.ban(origin, nowMs);
  }

  /** Bans the origin temporarily. */
  ban(origin: string, nowMs: number): void {
    const entry = this.entryOf(origin);
    entry.bannedUntilMs = Math.max(entry.bannedUntilMs, nowMs + this.limits.banMs);
  }

  banPermanently(origin: string): void {
    this.entryOf(origin).bannedUntilMs = Infinity;
  }

  /** Milliseconds until the ban ends; 0 if the origin is not banned. */
  remainingMs(origin: string, nowMs: number): number {
    return Math.max(0, (this.entries.get(origin)?.bannedUntilMs ?? 0) - nowMs);
  }

  private entryOf(origin: string): Entry {
    const entry = this.entries.get(origin) ?? { failuresMs: [], bannedUntilMs: 0 };
    this.entries.delete(origin);
    this.entries.set(origin, entry);
    if (this.entries.size > MAX_ENTRIES) this.forgetOldest();
    return entry;
  }

  /** Permanent bans stay: a flood of new origins must not lift them. */
  private forgetOldest(): void {
    for (const [origin, { bannedUntilMs }] of this.entries) {
      if (bannedUntilMs === Infinity && this.entries.size <= 2 * MAX_ENTRIES) continue;
      this.entries.delete(origin);
      return;
    }
  }
}
