// What a session needs of the run that its worker takes part in.
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
  /** Why relays cannot take part now; undefined where they can. */
  relayRefusal?: () => Refusal | undefined;
  /** Where the peer comes from. */
  address: string;
  /** A name that no other worker of the run has. */
  uniqueName: (requested: string) => string;
  /** Why the run is over, once it is. */
  endReason: () => EndReason | undefined;
  /** Called when the worker is one step further: it has said hello, is ready, or has answered its first task. */
  onProgress: (session: Session) => void;
  /** The peer was turned away for what it is or did. */
  onRejected: (name: string, reason: string) => void;
  /** Called once, when the connection is closed. @param wasLost it broke, rather than being ended by either side */
  onClosed: (session: Session, wasLost: boolean) => void;
}
