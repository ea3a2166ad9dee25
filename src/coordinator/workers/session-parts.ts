// What a session needs from the run.
import type { WorkerBroadcast } from "../broadcast/broadcast.js";
import type { BanList } from "./ban-list.js";
import type { Refusal } from "./handshake.js";
import type { NumericsCheck } from "./numerics-check.js";
import type { SendBudget } from "./outbox.js";
import type { Session } from "./session.js";
import type { SessionTimes } from "./session-times.js";
import type { EndReason } from "./tasks.js";
import type { WorkerPool } from "./worker-pool.js";

export interface SessionParts {
  pool: WorkerPool;
  broadcast: WorkerBroadcast;
  times: SessionTimes;
  bans: BanList;
  budget: SendBudget;
  numerics: NumericsCheck;
  /** Why relays cannot take part now; undefined if they can. */
  relayRefusal?: () => Refusal | undefined;
  /** The peer's IP address. */
  address: string;
  /** Returns a name that no other worker of the run has. */
  uniqueName: (requested: string) => string;
  /** Why the run is over, once it is. */
  endReason: () => EndReason | undefined;
  /** Called when the session's phase has changed: the worker said hello, is ready, or answered its first task. */
  onProgress: (session: Session) => void;
  /** Called when the peer was rejected. */
  onRejected: (name: string, reason: string) => void;
  /** Called once, when the session ends. @param wasLost the connection broke rather than being closed by either side */
  onClosed: (session: Session, wasLost: boolean) => void;
}
