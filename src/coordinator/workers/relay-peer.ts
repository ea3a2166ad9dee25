// A connected relay, as its coordinator sees it: its capacity, and the messages that only relays send.
import type { FromRelay } from "../../shared/protocol/messages.js";
import type { AnswerIntake } from "./answer-intake.js";
import { SummedShards } from "./summed-shards.js";
import type { Task } from "./tasks.js";

/** Capacity reports that a relay may send between two pings; it sends at most one every `CAPACITY_REPORT_MS`. */
export const REPORTS_PER_PING = 16;
export const CAPACITY_REPORT_MS = 200;

export interface RelayPeerParts {
  intake: Pick<AnswerIntake, "takeSum" | "takeReturned" | "takeUnusable">;
  onCapacity: () => void;
  onStateRequested: () => void;
}

export class RelayPeer {
  /** How many tasks its workers compute at a time. */
  capacity = 0;
  readonly summed: SummedShards;
  private readonly parts: RelayPeerParts;

  constructor(bucketCount: number, parts: RelayPeerParts) {
    this.summed = new SummedShards(bucketCount);
    this.parts = parts;
  }

  noteSent(task: Task): void {
    if (task.kind === "shard") this.summed.noteSent(task.step, task.shard);
  }

  /** @throws FrameError, InvalidAnswerError */
  take(message: FromRelay, parts: readonly Uint8Array[]): void {
    const { intake, onCapacity, onStateRequested } = this.parts;
    switch (message.type) {
      case "sum":
        intake.takeSum(message, parts);
        return;
      case "capacity":
        this.capacity = message.tasks;
        onCapacity();
        return;
      case "returned":
        intake.takeReturned(message);
        return;
      case "unusable":
        intake.takeUnusable(message);
        return;
      case "state-request":
        onStateRequested();
        return;
      default:
        message satisfies never;
    }
  }
}
