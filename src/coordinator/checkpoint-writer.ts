// Writes checkpoints while the training goes on: one at a time, the newest first, again where a write fails.
import { writeAtomically } from "../shared/checkpoint/atomic-write.js";
import { type Checkpoint, encodeCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { messageOf, TandemError } from "../shared/errors.js";
import type { Events } from "../shared/events.js";

export class CheckpointWriter {
  private readonly path: string;
  private readonly events: Events;
  private waiting: Checkpoint | undefined;
  private writing: Promise<void> | undefined;
  private lastError: unknown;

  constructor(path: string, events: Events) {
    this.path = path;
    this.events = events;
  }

  /** Takes the checkpoint over and returns at once. One that still waits is dropped for a newer one. */
  write(checkpoint: Checkpoint): void {
    this.waiting = checkpoint;
    this.writing ??= this.writeAll();
  }

  /**
   * Waits until the newest checkpoint is on the disk.
   * @throws TandemError `write-failed` where it could not be written
   */
  async finish(): Promise<void> {
    await this.writing;
    if (this.lastError === undefined) return;
    throw new TandemError(
      "write-failed",
      `The checkpoint ${this.path} could not be written: ${messageOf(this.lastError)}. Mend that and resume from an earlier checkpoint.`,
      { cause: this.lastError },
    );
  }

  private async writeAll(): Promise<void> {
    while (this.waiting) {
      const checkpoint = this.waiting;
      this.waiting = undefined;
      const { step } = checkpoint;
      try {
        await writeAtomically(this.path, encodeCheckpoint(checkpoint));
        this.lastError = undefined;
        this.events.emit({ event: "checkpoint", step, path: this.path });
      } catch (error) {
        this.lastError = error;
        const reason = messageOf(error);
        this.events.emit({ event: "checkpoint-failed", step, path: this.path, reason });
      }
    }
    this.writing = undefined;
  }
}
