// Writes checkpoints while the training goes on: one at a time, the newest first, and again where a write fails. A full disk
// or a lost folder does not stop the run; it is told, and the exit code of the run tells too if it lasts to the end.
import { setTimeout as delay } from "node:timers/promises";
import { writeAtomically } from "../shared/checkpoint/atomic-write.js";
import { type Checkpoint, encodeCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { messageOf, TandemError } from "../shared/errors.js";
import type { Events } from "../shared/events.js";

const RETRY_MS = 5_000;
/** At the end of a run it is tried so often before the run counts as failed. */
const LAST_TRIES = 3;
const LAST_RETRY_MS = 1_000;

export class CheckpointWriter {
  private readonly path: string;
  private readonly events: Events;
  private readonly retryMs: number;
  /** The newest checkpoint that is not yet on the disk. */
  private waiting: Checkpoint | undefined;
  private writing: Promise<void> | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private lastError: unknown;

  constructor(path: string, events: Events, retryMs = RETRY_MS) {
    this.path = path;
    this.events = events;
    this.retryMs = retryMs;
  }

  /** Takes the checkpoint over and returns at once. One that still waits is dropped for a newer one. */
  write(checkpoint: Checkpoint): void {
    this.waiting = checkpoint;
    this.startWriting();
  }

  /**
   * Waits until the newest checkpoint is on the disk.
   * @throws TandemError `write-failed` where it could not be written
   */
  async finish(): Promise<void> {
    clearTimeout(this.retryTimer);
    await this.writing;
    for (let tries = 1; this.waiting && tries < LAST_TRIES; tries++) {
      await delay(LAST_RETRY_MS);
      clearTimeout(this.retryTimer);
      this.startWriting();
      await this.writing;
    }
    clearTimeout(this.retryTimer);
    if (!this.waiting) return;
    throw new TandemError(
      "write-failed",
      `The checkpoint of step ${this.waiting.step} could not be written to ${this.path} (${messageOf(this.lastError)}). Make room or mend the folder, and resume from the newest checkpoint that was written.`,
      { cause: this.lastError },
    );
  }

  private startWriting(): void {
    this.writing ??= this.writeWaiting().finally(() => (this.writing = undefined));
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting) {
      const checkpoint = this.waiting;
      const { step } = checkpoint;
      try {
        await writeAtomically(this.path, encodeCheckpoint(checkpoint));
      } catch (error) {
        this.lastError = error;
        const reason = messageOf(error);
        this.events.emit({ event: "checkpoint-failed", step, path: this.path, reason });
        clearTimeout(this.retryTimer);
        this.retryTimer = setTimeout(() => this.startWriting(), this.retryMs);
        return;
      }
      if (this.waiting === checkpoint) this.waiting = undefined;
      this.events.emit({ event: "checkpoint", step, path: this.path });
    }
  }
}
