// Whether a connection's other end is still there. A sign of life is a byte that arrives, or a message that the operating
// system has accepted for it. Pure: the time is passed in.

/** A worker that computes answers no ping meanwhile: the shortest of so many round trips is the network's. */
const ROUND_TRIPS_REMEMBERED = 8;

/** Pings that a worker may send between two checks: each is answered, and fills the memory unread. */
const MAX_PINGS = 100;

/**
 * The slowest link that a worker may be behind, 5 Mbit/s, in bytes per millisecond: what the operating system has accepted
 * may take so long to get there, and a ping that is sent after it waits behind it.
 */
const SLOWEST_LINK = 625;
/** The operating system keeps no more than this for one connection (Linux: the third number of net.ipv4.tcp_wmem, 4 MiB). */
const MAX_SEND_BUFFER_BYTES = 8 * 1024 * 1024;

export class Liveness {
  private readonly pingMs: number;
  private readonly roundTripsMs: number[] = [];
  /** When the pings were sent that are not answered yet. */
  private readonly pingedMs: number[] = [];
  private pingCount = 0;
  private lastSignMs: number;
  private lastCheckMs: number;
  private unconfirmedBytes = 0;

  /** @param pingMs between two checks */
  constructor(pingMs: number, nowMs: number) {
    this.pingMs = pingMs;
    this.lastSignMs = nowMs;
    this.lastCheckMs = nowMs;
  }

  /**
   * How long there has been no sign of life, beyond the time that the bytes on their way may take.
   */
  silentMs(nowMs: number): number {
    const onTheWayMs = Math.min(this.unconfirmedBytes, MAX_SEND_BUFFER_BYTES) / SLOWEST_LINK;
    return Math.max(0, nowMs - this.lastSignMs - onTheWayMs);
  }

  /** When something of it was last here, in milliseconds before now. */
  lastSeenMs(nowMs: number): number {
    return nowMs - this.lastSignMs;
  }

  get roundTripMs(): number | undefined {
    return this.roundTripsMs.length > 0 ? Math.min(...this.roundTripsMs) : undefined;
  }

  noteReceived(nowMs: number): void {
    this.lastSignMs = nowMs;
    this.unconfirmedBytes = 0;
  }

  /** The operating system has accepted so many bytes for it. */
  noteDrained(byteLength: number, nowMs: number): void {
    this.lastSignMs = nowMs;
    this.unconfirmedBytes += byteLength;
  }

  notePingSent(nowMs: number): void {
    // A worker that computes for long leaves many unanswered: only the newest are of interest.
    this.pingedMs.push(nowMs);
    if (this.pingedMs.length > MAX_PINGS) this.pingedMs.shift();
  }

  /** @returns false where there was no ping to answer */
  notePong(nowMs: number): boolean {
    const sentMs = this.pingedMs.shift();
    if (sentMs === undefined) return false;
    this.roundTripsMs.push(nowMs - sentMs);
    if (this.roundTripsMs.length > ROUND_TRIPS_REMEMBERED) this.roundTripsMs.shift();
    return true;
  }

  /** @returns false where there were too many since the last check */
  notePing(): boolean {
    return ++this.pingCount <= MAX_PINGS;
  }

  /** To be called every `pingMs`. */
  check(nowMs: number): void {
    this.pingCount = 0;
    // A coordinator that was itself held up has heard nothing, and that says nothing about its workers.
    if (nowMs - this.lastCheckMs > 3 * this.pingMs) this.lastSignMs = nowMs;
    this.lastCheckMs = nowMs;
  }
}
