// The shards of a step that one process computes, several at once where they wait for each other: each goes on as far as the
// merged values of the step's barriers are known, and is held until the next are.
import { endPass, type ShardPass } from "./shard-pass.js";
import type { ShardResult } from "./tensors.js";

export interface PassHandlers {
  /** The shard has come to the barrier with these values. */
  onContribution: (barrier: number, values: Float32Array) => void;
  /** @param waitedMs how long it was not computed, between its beginning and its end */
  onResult: (result: ShardResult, waitedMs: number) => void;
}

interface HeldPass {
  pass: ShardPass;
  onResult: PassHandlers["onResult"];
  /** The next barrier on its way. */
  barrier: number;
  waitingSinceMs: number;
  waitedMs: number;
}

export class StepPasses {
  private readonly nowMs: () => number;
  /** Those that wait, by task: all at the first barrier whose merged values are not known. */
  private readonly waiting = new Map<number, HeldPass>();
  /** Of the step's barriers, in their order. */
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
   * Computes as far as possible now. One of the same task that waits is ended: it is computed again.
   * @param start begins the shard's pass, and has `onContribution` called with what it brings to each barrier
   */
  begin(
    task: number,
    start: (onContribution: (values: Float32Array) => void) => ShardPass,
    handlers: PassHandlers,
  ): void {
    const former = this.waiting.get(task);
    this.waiting.delete(task);
    if (former) endPass(former.pass);
    const pass = start((values) => handlers.onContribution(held.barrier, values));
    const held: HeldPass = {
      ...{ pass, onResult: handlers.onResult },
      ...{ barrier: 0, waitingSinceMs: 0, waitedMs: 0 },
    };
    this.run(task, held, pass.next());
  }

  /** The merged values of the next barrier are known: those that wait there go on, in the order in which they came. */
  goOn(values: Float32Array): void {
    this.merged.push(values);
    for (const [task, held] of [...this.waiting]) {
      this.waiting.delete(task);
      held.waitedMs += this.nowMs() - held.waitingSinceMs;
      held.barrier++;
      this.run(task, held, held.pass.next(values));
    }
  }

  /** The step is over: those that wait are ended, and what they hold is freed. */
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
 * Computes a shard's part of a step whose barriers' merged values are known.
 * @param merged of all barriers
 * @throws RangeError where they are too few
 */
export function completePass(pass: ShardPass, merged: readonly Float32Array[]): ShardResult {
  const last = replayPass(pass, merged);
  if (last.done) return last.value;
  endPass(pass);
  throw new RangeError(`no merged values of barrier ${merged.length}`);
}

/**
 * What a shard brings to the first barrier whose merged values are not known; undefined where all are.
 * @param merged of the barriers before
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
