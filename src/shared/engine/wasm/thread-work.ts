// Divides the parts of a launch among the threads of a session, through shared memory. The session's own thread opens a launch; it
// and the other threads that are awake claim some parts at a time until none is left; then it closes the launch, and waits for
// threads that are still computing. A thread that wakes too late finds it closed and does nothing.
import type { Kernel } from "./executor.js";
import type { Launch } from "./launch.js";

/** Indices in `counters`. */
const SEQUENCE = 0;
const STATE = 1;
const NEXT = 2;
const PARTS = 3;
const CHUNK = 4;
const KERNEL = 5;
const ARGUMENTS = 6;
const SCRATCH_STRIDE = 7;
const ENDED = 8;
const FAILED = 9;
/** The number of helper threads that have started, and of chunks that they have computed. */
const STARTED = 10;
const HELPED = 11;
const COUNTERS = 16;
/** Arguments of a launch. In `args` they follow the scratch memory of thread 0. */
const MAX_ARGUMENTS = 47;

/** A flag of STATE: no thread may enter. The other bits are the number of helper threads in the launch. */
const CLOSED = 1 << 30;
/** Polls before a thread waits to be notified. With a launch every few microseconds it seldom has to. */
const SPINS = 2000;
/** Chunks per thread, so that a delayed thread costs little. */
const CHUNKS = 4;

export class ThreadWork {
  readonly buffer: SharedArrayBuffer;
  private readonly counters: Int32Array;
  private readonly args: Float64Array;
  private readonly kernels: readonly Kernel[];

  /** @param kernels in the same order in all threads @param buffer in helper threads: that of the session's own thread */
  constructor(kernels: readonly Kernel[], buffer?: SharedArrayBuffer) {
    this.kernels = kernels;
    this.buffer = buffer ?? new SharedArrayBuffer(4 * COUNTERS + 8 * (MAX_ARGUMENTS + 1));
    this.counters = new Int32Array(this.buffer, 0, COUNTERS);
    this.args = new Float64Array(this.buffer, 4 * COUNTERS);
    if (!buffer) this.counters[STATE] = CLOSED;
  }

  /** The number of chunks that helper threads have computed. */
  get helpedChunks(): number {
    return Atomics.load(this.counters, HELPED);
  }

  /** Waits until `threads` helper threads have started. Launches need not wait for that. @returns false on a timeout */
  awaitStart(threads: number, timeoutMs: number): boolean {
    for (;;) {
      const started = Atomics.load(this.counters, STARTED);
      if (started >= threads) return true;
      if (Atomics.wait(this.counters, STARTED, started, timeoutMs) === "timed-out") return false;
    }
  }

  /** Executes a launch together with the helper threads. @param kernel its number @throws Error if a kernel failed in one of them */
  execute(
    kernel: number,
    { parts, args }: Launch,
    scratch: number,
    scratchStride: number,
    threads: number,
  ): void {
    if (args.length > MAX_ARGUMENTS) throw new RangeError(`${args.length} arguments of a kernel`);
    this.checkThreads();
    const { counters } = this;
    if (parts <= 1) {
      this.kernels[kernel]!(scratch, 0, parts, ...args);
      return;
    }
    counters[NEXT] = 0;
    counters[PARTS] = parts;
    counters[CHUNK] = Math.max(1, Math.floor(parts / (threads * CHUNKS)));
    counters[KERNEL] = kernel;
    counters[ARGUMENTS] = args.length;
    counters[SCRATCH_STRIDE] = scratchStride;
    this.args[0] = scratch;
    this.args.set(args, 1);
    Atomics.store(counters, STATE, 0);
    Atomics.add(counters, SEQUENCE, 1);
    Atomics.notify(counters, SEQUENCE);
    try {
      this.computeParts(0);
    } catch (error) {
      Atomics.store(counters, FAILED, 1);
      throw error;
    } finally {
      this.close();
    }
    this.checkThreads();
  }

  /** @throws Error if a kernel has failed, as its results are undefined */
  private checkThreads(): void {
    if (Atomics.load(this.counters, FAILED) !== 0) throw new Error("a kernel of the engine failed");
  }

  /** The loop of a helper thread: takes part in launches until `end`. */
  serve(thread: number): void {
    let seen = 0;
    Atomics.add(this.counters, STARTED, 1);
    Atomics.notify(this.counters, STARTED);
    for (;;) {
      this.awaitLaunch(seen);
      seen = Atomics.load(this.counters, SEQUENCE);
      if (Atomics.load(this.counters, ENDED) !== 0) return;
      if (this.enter()) this.helpWithParts(thread);
    }
  }

  /** Ends the helper threads. */
  end(): void {
    Atomics.store(this.counters, ENDED, 1);
    Atomics.add(this.counters, SEQUENCE, 1);
    Atomics.notify(this.counters, SEQUENCE);
  }

  private computeParts(thread: number): void {
    const { counters } = this;
    const [parts, chunk] = [counters[PARTS]!, counters[CHUNK]!];
    const kernel = this.kernels[counters[KERNEL]!]!;
    const [firstScratch, ...args] = this.args.subarray(0, counters[ARGUMENTS]! + 1);
    const scratch = firstScratch! + thread * (counters[SCRATCH_STRIDE]! >>> 0);
    for (;;) {
      const from = Atomics.add(counters, NEXT, chunk);
      if (from >= parts) return;
      if (thread > 0) Atomics.add(counters, HELPED, 1);
      kernel(scratch, from, Math.min(from + chunk, parts), ...args);
    }
  }

  private helpWithParts(thread: number): void {
    try {
      this.computeParts(thread);
    } catch {
      Atomics.store(this.counters, FAILED, 1);
    } finally {
      const left = Atomics.sub(this.counters, STATE, 1) - 1;
      if (left === CLOSED) Atomics.notify(this.counters, STATE);
    }
  }

  /** @returns false if the launch is closed */
  private enter(): boolean {
    for (;;) {
      const state = Atomics.load(this.counters, STATE);
      if ((state & CLOSED) !== 0) return false;
      if (Atomics.compareExchange(this.counters, STATE, state, state + 1) === state) return true;
    }
  }

  private close(): void {
    let state = Atomics.or(this.counters, STATE, CLOSED) | CLOSED;
    for (let spin = 0; state !== CLOSED; spin++) {
      if (spin >= SPINS) Atomics.wait(this.counters, STATE, state);
      state = Atomics.load(this.counters, STATE);
    }
  }

  private awaitLaunch(seen: number): void {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(this.counters, SEQUENCE) !== seen) return;
    }
    Atomics.wait(this.counters, SEQUENCE, seen);
  }
}
