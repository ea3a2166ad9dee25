// Tracks whether a connection's peer is still alive. A sign of life is a byte that arrives, or a message that the operating
// system has accepted for sending. Pure: the time is passed in.
import { SLOWEST_LINK } from "../../shared/protocol/slowest-link.js";

/** A worker answers no pings while it computes, so the shortest of the last round trips is the network's. */
const ROUND_TRIPS_REMEMBERED = 8;

/** Pings that a worker may send between two checks: each is answered, and answers that are not read fill the memory. */
const MAX_PINGS = 100;

/** Upper limit of the operating system's send buffer (Linux: the third number of net.ipv4.tcp_wmem, 4 MiB). */
const MAX_SEND_BUFFER_BYTES = 8 * 1024 * 1024;

export class Liveness {
  private readonly pingMs: number;
  private readonly roundTripsMs: number[] = [];
  /** When the unanswered pings were sent. */
  private readonly pingedMs: number[] = [];
  private pingCount = 0;
  private lastSignMs: number;
  private lastCheckMs: number;
  private unconfirmedBytes = 0;

  /** @param pingMs interval between two checks */
  constructor(pingMs: number, nowMs: number) {
    this.pingMs = pingMs;
    this.lastSignMs = nowMs;
    this.lastCheckMs = nowMs;
  }

  /** How long there has been no sign of life, minus the time that bytes in transit may take. */
  silentMs(nowMs: number): number {
    // What the operating system has accepted may still be in its buffer, and a ping waits behind it.
    const inTransitMs = Math.min(this.unconfirmedBytes, MAX_SEND_BUFFER_BYTES) / SLOWEST_LINK;
    return Math.max(0, nowMs - this.lastSignMs - inTransitMs);
  }

  /** Milliseconds since the last sign of life. */
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

  /** The operating system has accepted this many bytes. */
  noteDrained(byteLength: number, nowMs: number): void {
    this.lastSignMs = nowMs;
    this.unconfirmedBytes += byteLength;
  }

  notePingSent(nowMs: number): void {
    // A worker that computes for a long time leaves many pings unanswered; only the newest ones are kept.
    this.pingedMs.push(nowMs);
    if (this.pingedMs.length > MAX_PINGS) this.pingedMs.shift();
  }

  /** @returns false if there was no ping to answer */
  notePong(nowMs: number): boolean {
    const sentMs = this.pingedMs.shift();
    if (sentMs === undefined) return false;
    this.roundTripsMs.push(nowMs - sentMs);
    if (this.roundTripsMs.length > ROUND_TRIPS_REMEMBERED) this.roundTripsMs.shift();
    return true;
  }

  /** @returns false if there were too many since the last check */
  notePing(): boolean {
    return ++this.pingCount <= MAX_PINGS;
  }

  /** To be called every `pingMs`. */
  check(nowMs: number): void {
    this.pingCount = 0;
    // If this process itself was blocked, the silence says nothing about its workers.
    if (nowMs - this.lastCheckMs > 3 * this.pingMs) this.lastSignMs = nowMs;
    this.lastCheckMs = nowMs;
  }
}
