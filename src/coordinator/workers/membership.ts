// A ready worker's membership in the run: its feed from the broadcast and its place in the pool. It joins as soon as there is a
// state to send.
import type { WorkerBroadcast } from "../broadcast/broadcast.js";
import type { ReplicaFeed } from "../broadcast/replica-feed.js";
import type { WorkerLink } from "./tasks.js";
import type { WorkerChannel } from "./worker-channel.js";
import type { WorkerPool } from "./worker-pool.js";

const DIGEST_BYTES = 256;

export interface MembershipParts {
  worker: WorkerLink;
  channel: Pick<WorkerChannel, "outbox" | "allow">;
  broadcast: Pick<WorkerBroadcast, "whenOpen" | "addWorker">;
  pool: WorkerPool;
}

export class Membership {
  private readonly parts: MembershipParts;
  private cancelWait: () => void = () => undefined;
  private feed: ReplicaFeed | undefined;

  constructor(parts: MembershipParts) {
    this.parts = parts;
  }

  /** @param onJoin called before the worker joins the pool */
  start(onJoin: () => void): void {
    const { worker, channel, broadcast, pool } = this.parts;
    this.cancelWait = broadcast.whenOpen(() => {
      this.feed = broadcast.addWorker({
        worker,
        outbox: channel.outbox,
        onDigestRequested: () => channel.allow(1, DIGEST_BYTES),
        onBehind: () => pool.suspend(worker),
        onCaughtUp: () => pool.resume(worker),
        onDigestJudged: (step, isSame) => {
          if (isSame) pool.noteSameWeights(worker, step);
          else pool.noteDivergence(worker, step);
        },
      });
      this.feed.sendState();
      onJoin();
      pool.join(worker);
    });
  }

  /** The operating system has accepted everything that was sent. */
  catchUp(): void {
    this.feed?.catchUp();
  }

  requestState(): void {
    this.feed?.requestState();
  }

  takeDigest(step: number, weights: number): void {
    this.feed?.takeDigest(step, weights);
  }

  end(reason: string): void {
    this.cancelWait();
    this.feed?.close();
    this.parts.pool.leave(this.parts.worker, reason);
  }
}
