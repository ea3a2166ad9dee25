// What a coordinator knows of a relay that takes part, and takes from it, besides what it takes from any worker.
import type { FromRelay } from "../../shared/protocol/messages.js";
import type { AnswerIntake } from "./answer-intake.js";
import { SummedShards } from "./summed-shards.js";
import type { Task } from "./tasks.js";

/** Reports of a relay's capacity between two pings; it sends them at most every `CAPACITY_REPORT_MS`. */
export const REPORTS_PER_PING = 16;
export const CAPACITY_REPORT_MS = 200;

export interface RelayPeerParts {
  intake: Pick<AnswerIntake, "takeSum" | "takeBack" | "takeUnusable">;
  onCapacity: () => void;
  onStateRequested: () => void;
}

export class RelayPeer {
  /** Tasks that its workers compute at a time. */
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
        intake.takeBack(message);
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
