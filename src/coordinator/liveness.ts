// Whether a connection's other end is still there: pings, and any byte that comes in or that the network takes.
import type { WebSocket } from "ws";

export interface Traffic {
  bytesRead: number;
  bytesWritten: number;
}

/** A worker that computes answers no ping meanwhile: the shortest of so many is the network's. */
const PONGS_REMEMBERED = 8;

/** Pings that a worker may send between two of the coordinator's own: each is answered, and fills the memory unread. */
const MAX_PINGS = 100;

export class Liveness {
  private readonly socket: WebSocket;
  private readonly traffic: () => Traffic;
  private readonly pingMs: number;
  private readonly roundTripsMs: number[] = [];
  private pingedMs = 0;
  private pingsHeard = 0;
  private lastSignMs = performance.now();
  private lastCheckMs = performance.now();
  private bytesReadBefore = 0;
  private unsentBefore = 0;

  /**
   * @param pingMs between two checks
   * @param onFlood is called where the other end pings more than it may
   */
  constructor(socket: WebSocket, traffic: () => Traffic, pingMs: number, onFlood: () => void) {
    this.socket = socket;
    this.traffic = traffic;
    this.pingMs = pingMs;
    socket.on("ping", () => {
      if (++this.pingsHeard > MAX_PINGS) onFlood();
    });
    socket.on("pong", () => {
      this.roundTripsMs.push(performance.now() - this.pingedMs);
      if (this.roundTripsMs.length > PONGS_REMEMBERED) this.roundTripsMs.shift();
    });
  }

  get silentMs(): number {
    return performance.now() - this.lastSignMs;
  }

  get roundTripMs(): number | undefined {
    return this.roundTripsMs.length > 0 ? Math.min(...this.roundTripsMs) : undefined;
  }

  /** Something of it was just here. */
  noteSign(): void {
    this.lastSignMs = performance.now();
  }

  /**
   * On a slow line a state takes longer than the silence allowed, and pings and pongs wait behind it: so any byte that
   * moved is a sign of life.
   */
  check(): void {
    this.pingsHeard = 0;
    const now = performance.now();
    const { bytesRead } = this.traffic();
    const unsent = this.socket.bufferedAmount;
    // A coordinator that was itself held up has heard nothing, and that says nothing about its workers.
    const wasHeldUp = now - this.lastCheckMs > 3 * this.pingMs;
    if (bytesRead > this.bytesReadBefore || unsent < this.unsentBefore || wasHeldUp) {
      this.lastSignMs = now;
    }
    this.bytesReadBefore = bytesRead;
    this.unsentBefore = unsent;
    this.lastCheckMs = now;
  }

  ping(): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    this.pingedMs = performance.now();
    this.socket.ping();
  }
}
