// Writes checkpoints while the training goes on: one at a time, the newest first, and again where a write fails. A full disk
// or a lost folder does not stop the run; it is reported, and the run's exit code is 1 if it lasts to the end.
// Nothing that was saved before is lost: see `isWorthWriting` and `keepForeign`.
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
/** At the end of a run it is tried so often before the run counts as failed. */
const LAST_TRIES = 3;
const LAST_RETRY_MS = 1_000;

export interface CheckpointWriterOptions {
  /** What the run goes on from: it may be replaced, and its suspect steps stay suspect. */
  resumeFrom?: Checkpoint | undefined;
  /** The first step that machines of other numerics took part in. */
  mixedSince?: () => number | undefined;
  /** The step at which the run is complete: its state is written whether or not a step led there. */
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
  /** Digests of what may be replaced: what was resumed from, and what was written last or is being written. */
  private own = new Set<string>();
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
    if (resumeFrom?.digest !== undefined) this.own.add(resumeFrom.digest);
  }

  /**
   * Takes the checkpoint over and returns at once. One that still waits is dropped for a newer one.
   * @throws TandemError `diverged` where the state holds NaN or infinities; the newest before it is still written
   */
  write(checkpoint: Checkpoint): void {
    const broken = firstNonFinite(checkpoint.tensors);
    if (broken !== undefined) {
      throw new TandemError(
        "diverged",
        `The state of step ${checkpoint.step} has numbers that are not finite (${broken}), so it is not written and ${this.path} is unchanged. Try a smaller --learning-rate.`,
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
   * @throws TandemError `write-failed` where it could not be written
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

  /** A run that was interrupted before its first step has nothing that is worth an existing file. */
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
        const pieces = encodeCheckpoint(checkpoint);
        const digest = digestOf(pieces);
        // Before it is written: where only the sync of the folder fails, the file is this run's all the same.
        this.own.add(digest);
        await writeAtomically(this.path, pieces, (target) => this.keepForeign(target));
        this.own = new Set([digest]);
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
   * Keeps what is about to be replaced, where this run neither wrote it nor resumed from it. Once in a run: a
   * write that fails after it is tried again.
   */
  private async keepForeign(target: string): Promise<void> {
    if (this.hasKept || (await sizeOf(target)) === 0) return;
    const digest = digestIn(target);
    if (digest !== undefined && this.own.has(digest)) return;
    const previous = await keepPrevious(target);
    this.hasKept = true;
    this.events.emit({ event: "checkpoint-kept", path: this.path, previous });
  }
}

/** Bytes; 0 where there is no file. */
async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
