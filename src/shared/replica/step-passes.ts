// The passes of one step that a process computes. With barriers there may be several at a time: each advances as far as the
// merged values of the step's barriers are known, and then waits for the next.
import { endPass, type ShardPass } from "./shard-pass.js";
import type { ShardResult } from "./tensors.js";

export interface PassHandlers {
  /** The shard has reached the barrier, and contributes these values. */
  onContribution: (barrier: number, values: Float32Array) => void;
  /** @param waitedMs how long it waited at barriers */
  onResult: (result: ShardResult, waitedMs: number) => void;
}

interface HeldPass {
  pass: ShardPass;
  onResult: PassHandlers["onResult"];
  /** The next one that the pass reaches, or waits at. */
  barrier: number;
  waitingSinceMs: number;
  waitedMs: number;
}

export class StepPasses {
  private readonly nowMs: () => number;
  /** By task: the passes that wait, all at the first barrier whose merged values are not known. */
  private readonly waiting = new Map<number, HeldPass>();
  /** By the step's barriers, in order. */
  private readonly merged: Float32Array[] = [];

  /** @param nowMs a clock */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  get waitingCount(): number {
    return this.waiting.size;
  }

  /** Barriers whose merged values are known. */
  get mergedCount(): number {
    return this.merged.length;
  }

  isWaiting(task: number): boolean {
    return this.waiting.has(task);
  }

  /**
   * Begins a task's pass and computes as far as possible. If a pass of the same task is waiting, it is ended and replaced.
   * @param start begins the pass; it must call `onContribution` with the shard's contribution to each barrier
   */
  begin(
    task: number,
    start: (onContribution: (values: Float32Array) => void) => ShardPass,
    handlers: PassHandlers,
  ): void {
    const previous = this.waiting.get(task);
    this.waiting.delete(task);
    if (previous) endPass(previous.pass);
    const pass = start((values) => handlers.onContribution(held.barrier, values));
    const held: HeldPass = {
      ...{ pass, onResult: handlers.onResult },
      ...{ barrier: 0, waitingSinceMs: 0, waitedMs: 0 },
    };
    this.run(task, held, pass.next());
  }

  /** Resumes the passes that wait at the next barrier with its merged values, in the order in which they reached it. */
  resume(values: Float32Array): void {
    this.merged.push(values);
    for (const [task, held] of [...this.waiting]) {
      this.waiting.delete(task);
      held.waitedMs += this.nowMs() - held.waitingSinceMs;
      held.barrier++;
      this.run(task, held, held.pass.next(values));
    }
  }

  /** The step is over: ends the waiting passes and frees what they hold. */
  clear(): void {
    for (const { pass } of this.waiting.values()) endPass(pass);
    this.waiting.clear();
    this.merged.length = 0;
  }

  private run(
    task: number,
    held: HeldPass,
    first: IteratorResult<Float32Array, ShardResult>,
  ): void {
    let outcome = first;
    while (!outcome.done) {
      const merged = this.merged[held.barrier];
      if (!merged) {
        held.waitingSinceMs = this.nowMs();
        this.waiting.set(task, held);
        return;
      }
      held.barrier++;
      outcome = held.pass.next(merged);
    }
    held.onResult(outcome.value, held.waitedMs);
  }
}

/**
 * Computes a pass whose barriers' merged values are all known.
 * @param merged of all barriers
 * @throws RangeError if there are too few
 */
export function completePass(pass: ShardPass, merged: readonly Float32Array[]): ShardResult {
  const last = replayPass(pass, merged);
  if (last.done) return last.value;
  endPass(pass);
  throw new RangeError(`no merged values of barrier ${merged.length}`);
}

/**
 * A shard's contribution to the first barrier whose merged values are not known; undefined if all are known.
 * @param merged of the earlier barriers
 */
export function nextContribution(
  pass: ShardPass,
  merged: readonly Float32Array[],
): Float32Array | undefined {
  const last = replayPass(pass, merged);
  if (last.done) return undefined;
  endPass(pass);
  return last.value;
}

function replayPass(
  pass: ShardPass,
  merged: readonly Float32Array[],
): IteratorResult<Float32Array, ShardResult> {
  let outcome = pass.next();
  for (const values of merged) {
    if (outcome.done) break;
    outcome = pass.next(values);
  }
  return outcome;
}
