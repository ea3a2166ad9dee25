// Writes checkpoints while training continues: one at a time, newest first, retrying failed writes. A full disk or missing
// folder does not stop the run; it is reported, and the exit code is 1 only if the last write fails too.
// Earlier checkpoints are never lost: see `isWorthWriting` and `keepForeign`.
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { writeAtomically } from "../shared/checkpoint/atomic-write.js";
import {
  type Checkpoint,
  digestIn,
  encodeCheckpoint,
  type StepRange,
} from "../shared/checkpoint/checkpoint.js";
import { keepPrevious } from "../shared/checkpoint/keep-previous.js";
import { digestOf } from "../shared/checkpoint/safetensors.js";
import { mergeStepRanges } from "../shared/checkpoint/step-ranges.js";
import { messageOf, TandemError } from "../shared/errors.js";
import type { Events } from "../shared/events.js";
import { firstNonFinite } from "../shared/replica/finite.js";

const RETRY_MS = 5_000;
/** Attempts to write the last checkpoint before the run counts as failed. */
const LAST_TRIES = 3;
const LAST_RETRY_MS = 1_000;

export interface CheckpointWriterOptions {
  /** The checkpoint that is resumed from. It may be overwritten; its suspect steps are carried over. */
  resumeFrom?: Checkpoint | undefined;
  /** The first step in which a machine with different numerics took part. */
  mixedSince?: () => number | undefined;
  /** The run's last step. Its state is written even if this run trained no step. */
  lastStep?: number;
  retryMs?: number;
}

export class CheckpointWriter {
  private readonly path: string;
  private readonly events: Events;
  private readonly initialStep: number;
  private readonly lastStep: number;
  private readonly suspectSteps: readonly StepRange[];
  private readonly mixedSince: () => number | undefined;
  private readonly retryMs: number;
  /** Digests of checkpoints that may be overwritten: the one resumed from, and the one written last or being written. */
  private ownDigests = new Set<string>();
  private hasKept = false;
  /** The newest checkpoint that is not yet on the disk. */
  private waiting: Checkpoint | undefined;
  private writing: Promise<void> | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private lastError: unknown;

  constructor(path: string, events: Events, options: CheckpointWriterOptions = {}) {
    const { resumeFrom, lastStep = Infinity, retryMs = RETRY_MS } = options;
    this.path = path;
    this.events = events;
    this.initialStep = resumeFrom?.step ?? 0;
    this.lastStep = lastStep;
    this.suspectSteps = resumeFrom?.suspectSteps ?? [];
    this.mixedSince = options.mixedSince ?? (() => resumeFrom?.mixedSince);
    this.retryMs = retryMs;
    if (resumeFrom?.digest !== undefined) this.ownDigests.add(resumeFrom.digest);
  }

  /**
   * Queues the checkpoint and returns immediately. A newer checkpoint replaces one that is still queued.
   * @throws TandemError `diverged` if the state contains NaN or infinities; a checkpoint queued earlier is still written
   */
  write(checkpoint: Checkpoint): void {
    const broken = firstNonFinite(checkpoint.tensors);
    if (broken !== undefined) {
      throw new TandemError(
        "diverged",
        `The state of step ${checkpoint.step} contains values that are not finite (${broken}), so it is not written and ${this.path} is unchanged. Try a smaller --learning-rate.`,
      );
    }
    if (!this.isWorthWriting(checkpoint.step)) return;
    const suspectSteps = [...this.suspectSteps, ...(checkpoint.suspectSteps ?? [])];
    const mixedSince = this.mixedSince();
    this.waiting = {
      ...checkpoint,
      suspectSteps: mergeStepRanges(suspectSteps),
      ...(mixedSince === undefined ? {} : { mixedSince }),
    };
    this.startWriting();
  }

  /**
   * Waits until the newest checkpoint is on the disk.
   * @throws TandemError `write-failed` if it could not be written
   */
  async finish(): Promise<void> {
    clearTimeout(this.retryTimer);
    await this.writing;
    for (let tries = 1; this.waiting && tries < LAST_TRIES; tries++) {
      await new Promise((resolve) => setTimeout(resolve, LAST_RETRY_MS));
      clearTimeout(this.retryTimer);
      this.startWriting();
      await this.writing;
    }
    clearTimeout(this.retryTimer);
    if (!this.waiting) return;
    throw new TandemError(
      "write-failed",
      `The checkpoint of step ${this.waiting.step} could not be written to ${this.path} (${messageOf(this.lastError)}). Free some space or repair the folder, and resume from the newest checkpoint that was written.`,
      { cause: this.lastError },
    );
  }

  /** A run that is interrupted before its first step must not replace an existing file. */
  private isWorthWriting(step: number): boolean {
    return step > this.initialStep || step >= this.lastStep || !existsSync(this.path);
  }

  private startWriting(): void {
    this.writing ??= this.writeWaiting().finally(() => (this.writing = undefined));
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting) {
      const checkpoint = this.waiting;
      const { step } = checkpoint;
      try {
        const chunks = encodeCheckpoint(checkpoint);
        const digest = digestOf(chunks);
        // Before the write: if only the folder's fsync fails, the file is still this run's.
        this.ownDigests.add(digest);
        await writeAtomically(this.path, chunks, (target) => this.keepForeign(target));
        this.ownDigests = new Set([digest]);
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

  /**
   * Keeps a copy of the file that is about to be replaced, unless this run wrote it or resumed from it. Done at most once
   * per run.
   */
  private async keepForeign(target: string): Promise<void> {
    if (this.hasKept || (await sizeOf(target)) === 0) return;
    const digest = digestIn(target);
    if (digest !== undefined && this.ownDigests.has(digest)) return;
    const previous = await keepPrevious(target);
    this.hasKept = true;
    this.events.emit({ event: "checkpoint-kept", path: this.path, previous });
  }
}

/** Bytes; 0 if the file does not exist. */
async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
