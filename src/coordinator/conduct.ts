// Who has failed how often: a worker that keeps failing is left out for a while, one that computes wrongly for good.
// Workers are told apart by the name they give and the address they come from. Pure: the time is handed in.

export interface ConductLimits {
  /** So many failures … */
  maxFailures: number;
  /** … within so long … */
  windowMs: number;
  /** … leave a worker out for so long. */
  leaveOutMs: number;
}

export const DEFAULT_CONDUCT: ConductLimits = {
  maxFailures: 4,
  windowMs: 30_000,
  leaveOutMs: 15_000,
};

interface Peer {
  failuresMs: number[];
  leftOutUntilMs: number;
}

/** The oldest are forgotten beyond this many, so that made-up names cannot fill the memory. */
const MAX_PEERS = 4096;

export class Conduct {
  private readonly limits: ConductLimits;
  private readonly peers = new Map<string, Peer>();

  constructor(limits: ConductLimits = DEFAULT_CONDUCT) {
    this.limits = limits;
  }

  /** How many peers are remembered. */
  get peerCount(): number {
    return this.peers.size;
  }

  noteFailure(peer: string, nowMs: number): void {
    const record = this.recordOf(peer);
    const { windowMs, maxFailures, leaveOutMs } = this.limits;
    record.failuresMs = record.failuresMs.filter((time) => nowMs - time < windowMs);
    record.failuresMs.push(nowMs);
    if (record.failuresMs.length < maxFailures) return;
    record.failuresMs = [];
    record.leftOutUntilMs = Math.max(record.leftOutUntilMs, nowMs + leaveOutMs);
  }

  putOut(peer: string): void {
    this.recordOf(peer).leftOutUntilMs = Infinity;
  }

  /** Milliseconds for which the peer is still left out; 0 where it may come. */
  leftOutMs(peer: string, nowMs: number): number {
    return Math.max(0, (this.peers.get(peer)?.leftOutUntilMs ?? 0) - nowMs);
  }

  private recordOf(peer: string): Peer {
    const record = this.peers.get(peer) ?? { failuresMs: [], leftOutUntilMs: 0 };
    this.peers.delete(peer);
    this.peers.set(peer, record);
    if (this.peers.size > MAX_PEERS) {
      const [oldest] = this.peers.keys();
      if (oldest !== undefined) this.peers.delete(oldest);
    }
    return record;
  }
}
