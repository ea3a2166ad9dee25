// One worker's session as a state machine, with an in-memory transport and a fake clock, and without an engine.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Pool } from "../../src/coordinator/workers/pool.js";
import type { Broadcast } from "../../src/coordinator/broadcast/broadcast.js";
import { WeightsBroadcast } from "../../src/coordinator/broadcast/weights-broadcast.js";
import type { EndReason, Task } from "../../src/coordinator/workers/tasks.js";
import { BanList } from "../../src/coordinator/workers/ban-list.js";
import { SendBudget } from "../../src/coordinator/workers/outbox.js";
import { NumericsCheck } from "../../src/coordinator/workers/numerics-check.js";
import { Session } from "../../src/coordinator/workers/session.js";
import { DEFAULT_TIMES } from "../../src/coordinator/workers/session-times.js";
import { Events } from "../../src/shared/events.js";
import { OutgoingFrame } from "../../src/shared/protocol/channel.js";
import { closeCodes } from "../../src/shared/protocol/close-codes.js";
import { COORDINATOR_FRAME_LIMITS, decodeFrame } from "../../src/shared/protocol/frame.js";
import { PROTOCOL_VERSION, type WorkerKind } from "../../src/shared/protocol/messages.js";
import type { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import type { RunEvent } from "../../src/shared/run-event.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";
import { MemoryTransport } from "../support/memory-transport.js";

/** Its state is larger than the outbox's window. */
const LAYOUT = layoutOfRun(configOf({ inputShape: [28, 28, 1], classCount: 3, batchSize: 4 }));
const SECOND = 1_000;

function harness({
  address = "192.0.2.7",
  budgetBytes = Infinity,
  bans = new BanList(),
  isMixedAllowed = false,
} = {}) {
  const events = new Events();
  const emitted: RunEvent[] = [];
  events.add({ handle: (event) => void emitted.push(event) });
  const transport = new MemoryTransport({ acceptsAtOnce: false });
  const pool = {
    join: vi.fn<Pool["join"]>(),
    leave: vi.fn<Pool["leave"]>(),
    suspend: vi.fn<Pool["suspend"]>(),
    resume: vi.fn<Pool["resume"]>(),
    answer: vi.fn<Pool["answer"]>(),
    takeBucket: vi.fn<Pool["takeBucket"]>(),
    hasDiverged: vi.fn<Pool["hasDiverged"]>(() => false),
    noteSameWeights: vi.fn<Pool["noteSameWeights"]>(),
    noteDivergence: vi.fn<Pool["noteDivergence"]>(),
  };
  const replica = { step: 0, read: vi.fn(), session: { allocate } };
  const broadcast: Broadcast = new WeightsBroadcast(LAYOUT);
  broadcast.open(replica as unknown as TrainingReplica);
  /** The coordinator completes a step and sends the new weights. */
  const step = () => {
    replica.step++;
    broadcast.afterStep();
  };
  const onRejected = vi.fn<(name: string, reason: string) => void>();
  const onClosed = vi.fn<(session: Session, wasLost: boolean) => void>();
  const end = { reason: undefined as EndReason | undefined };
  const budget = new SendBudget(budgetBytes, () => session.dropUnread());
  const session = new Session(transport, {
    ...{ pool: pool as unknown as Pool, broadcast },
    ...{ times: DEFAULT_TIMES, bans, budget, address },
    ...{ onRejected, onClosed, onProgress: () => undefined },
    numerics: new NumericsCheck({
      ...{ config: LAYOUT.config, isMixedAllowed, events, step: () => replica.step },
    }),
    uniqueName: (requested) => requested,
    endReason: () => end.reason,
  });
  const deliver = (message: object, parts: ArrayBufferView[] = []) =>
    transport.receive(message, parts);
  const hello = (name = "w", kind: WorkerKind = "node") =>
    deliver({ type: "hello", protocol: PROTOCOL_VERSION, name, kind });
  const join = (kind?: WorkerKind) => {
    hello("w", kind);
    deliver({ type: "ready", numerics: LAYOUT.config.numerics });
  };
  return {
    transport,
    session,
    pool,
    emitted,
    step,
    bans,
    onRejected,
    onClosed,
    end,
    deliver,
    hello,
    join,
  };
}

function allocate(lengths: readonly number[]): Float32Array[] {
  return lengths.map((length) => new Float32Array(length));
}

function evaluation(id: number): Task {
  const samples = { count: 1, inputs: new Uint8Array(4), targets: new Int32Array(1) };
  return { kind: "evaluate", id, step: 0, samples };
}

function evaluated(task: number, computed = { from: 0, to: 1 }) {
  const parts = [new Int32Array(1)];
  return [{ type: "evaluated", task, lossSum: 0, computed }, parts] as const;
}

/** Undefined for the chunks after a frame. */
function headerOf(message: Uint8Array): Record<string, unknown> | undefined {
  try {
    return decodeFrame(message, COORDINATOR_FRAME_LIMITS).header;
  } catch {
    return undefined;
  }
}

/** The step of a `state`; undefined for other messages and for the chunks after it. */
function stateStepOf(message: Uint8Array): number | undefined {
  const header = headerOf(message);
  return header?.["type"] === "state" ? Number(header["step"]) : undefined;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the handshake", () => {
  const OTHER = "f".repeat(64);

  test("refuses a worker with different numerics, says what differs and what to do, and does not ban it", () => {
    const { transport, pool, bans, onRejected, hello, deliver } = harness();
    hello();
    deliver({ type: "ready", numerics: OTHER });
    expect(transport.closed).toMatchObject({ code: closeCodes.otherNumerics });
    const { reason } = transport.closed!;
    expect(reason).toMatch(/last bits.*ffffffff, not 00000000.*--engine wasm/);
    // The maximum length in a close frame.
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(onRejected).toHaveBeenCalledExactlyOnceWith("w", reason);
    expect(pool.join).not.toHaveBeenCalled();
    expect(bans.remainingMs("192.0.2.7", performance.now())).toBe(0);
  });

  test.each([
    [closeCodes.cannotTakePart, "this machine has 12 MB", /cannot.*\("this machine has 12 MB"\)$/],
    [closeCodes.cannotTakePart, "", /^it cannot take part in the run$/],
    [closeCodes.version, "update the worker", /cannot.*\("update the worker"\)$/],
  ])(
    "reports a worker that turns the run down with %i %j, and does not ban it",
    (code, words, reason) => {
      const bans = new BanList();
      for (let attempt = 0; attempt < 10; attempt++) {
        const { transport, pool, onRejected, onClosed, hello } = harness({ bans });
        hello();
        transport.end(code, words);
        expect(onRejected).toHaveBeenCalledExactlyOnceWith("w", expect.stringMatching(reason));
        expect(onClosed).toHaveBeenCalledExactlyOnceWith(expect.anything(), false);
        expect(pool.join).not.toHaveBeenCalled();
      }
      expect(bans.remainingMs("192.0.2.7", performance.now())).toBe(0);
    },
  );

  test("admits a worker with different numerics if they may be mixed, and reports from which step", () => {
    const { pool, step, emitted, hello, deliver } = harness({ isMixedAllowed: true });
    step();
    hello();
    deliver({ type: "ready", numerics: OTHER });
    expect(pool.join).toHaveBeenCalledOnce();
    expect(emitted).toEqual([{ event: "mixed-numerics", since: 1, worker: "w", numerics: OTHER }]);
  });

  test("reports nothing about a worker with the run's numerics if they may be mixed", () => {
    const { pool, emitted, join } = harness({ isMixedAllowed: true });
    join();
    expect(pool.join).toHaveBeenCalledOnce();
    expect(emitted).toEqual([]);
  });

  test.each([undefined, null, 7, "", "0".repeat(63), "0".repeat(65), "G".repeat(64), ["0"]])(
    "closes the connection at numerics of %j",
    (numerics) => {
      const { transport, pool, hello, deliver } = harness();
      hello();
      deliver({ type: "ready", numerics });
      expect(transport.closed).toMatchObject({ code: closeCodes.badMessage });
      expect(pool.join).not.toHaveBeenCalled();
    },
  );

  test("welcomes a worker, and sends it the state when it is ready", () => {
    const { transport, pool, hello, deliver } = harness();
    hello();
    expect(decodeFrame(transport.accept()[0]!).header).toMatchObject({ type: "welcome" });
    expect(pool.join).not.toHaveBeenCalled();
    deliver({ type: "ready", numerics: LAYOUT.config.numerics });
    expect(pool.join).toHaveBeenCalledOnce();
    expect(transport.accept().length).toBeGreaterThan(1);
  });

  test("has a deadline for hello and one for ready", () => {
    const silent = harness();
    vi.advanceTimersByTime(DEFAULT_TIMES.helloMs);
    expect(silent.transport.closed?.code).toBe(closeCodes.tooSlow);
    const slow = harness();
    slow.hello();
    for (let ms = 0; ms < DEFAULT_TIMES.readyMs; ms += DEFAULT_TIMES.pingMs) {
      expect(slow.transport.closed).toBeUndefined();
      vi.advanceTimersByTime(DEFAULT_TIMES.pingMs);
      slow.transport.accept();
      if (!slow.transport.closed) slow.transport.receivePong();
    }
    expect(slow.transport.closed).toMatchObject({ code: closeCodes.tooSlow });
  });

  test("allows the same silence while a worker loads as during its first task", () => {
    const { transport, hello } = harness();
    const allowedMs = DEFAULT_TIMES.silenceMs + DEFAULT_TIMES.firstTaskMs;
    hello();
    vi.advanceTimersByTime(allowedMs);
    expect(transport.isDestroyed).toBe(false);
    vi.advanceTimersByTime(2 * DEFAULT_TIMES.pingMs);
    expect(transport.isDestroyed).toBe(true);
  });

  test("buffers a few kilobytes before hello, but no result", () => {
    const { transport } = harness();
    transport.receivePart(16 * 1024);
    expect(transport.isOpen).toBe(true);
    transport.receivePart(1);
    expect(transport.closed?.code).toBe(closeCodes.tooMany);
    expect(transport.isReading).toBe(false);
  });

  test("buffers no more than that from a worker without tasks", () => {
    const { transport, join } = harness();
    join();
    transport.receivePart(20 * 1024);
    expect(transport.closed?.code).toBe(closeCodes.tooMany);
  });

  test("after the run's end tells the worker that it is over", () => {
    const { transport, hello, end } = harness();
    end.reason = "finished";
    hello();
    expect(decodeFrame(transport.accept()[0]!).header).toEqual({ type: "end", reason: "finished" });
    expect(transport.closed?.code).toBe(closeCodes.ended);
  });
});

describe("answers", () => {
  test("whose times run backwards are refused", () => {
    const { transport, session, pool, deliver, join } = harness();
    join();
    session.send(evaluation(1));
    deliver(...(evaluated(1, { from: 9, to: 4 }) as unknown as [object, ArrayBufferView[]]));
    expect(transport.closed?.code).toBe(closeCodes.badMessage);
    expect(pool.answer).not.toHaveBeenCalled();
  });

  test("may be many, one per task, with pings and pongs in between", () => {
    const { transport, session, pool, deliver, join } = harness();
    join();
    for (let id = 0; id < 500; id++) {
      session.send(evaluation(id));
      transport.accept();
      deliver(...(evaluated(id) as unknown as [object, ArrayBufferView[]]));
      vi.advanceTimersByTime(SECOND);
      if (id % 2 === 1) transport.receivePong();
    }
    expect(transport.closed).toBeUndefined();
    expect(pool.answer).toHaveBeenCalledTimes(500);
  });

  test("with unusable numbers are the run's fault only if the coordinator gets them too", () => {
    for (const isRuns of [true, false]) {
      const { transport, session, pool, deliver, join } = harness();
      pool.hasDiverged.mockReturnValue(isRuns);
      join();
      session.send(evaluation(1));
      const [message, parts] = evaluated(1);
      deliver({ ...message, lossSum: 1e308 * 10 }, parts);
      // The schema refuses Infinity.
      expect(transport.closed?.code).toBe(closeCodes.badMessage);
    }
  });
});

describe("a worker that", () => {
  test("gives no sign of life is lost after a deadline", () => {
    const { transport, pool, join } = harness();
    join();
    transport.accept();
    vi.advanceTimersByTime(60 * SECOND);
    expect(pool.leave.mock.calls[0]?.[1]).toMatch(/silent/);
    expect(transport.isDestroyed).toBe(true);
  });

  test("receives its state over a slow link for a minute stays alive", () => {
    const { transport, step, join } = harness();
    join();
    for (let count = 0; count < 20; count++) step();
    // A chunk of 512 KiB every 3 s, and pongs are queued behind them.
    while (transport.pending.length > 0) {
      vi.advanceTimersByTime(3 * SECOND);
      transport.accept(1);
      expect(transport.closed).toBeUndefined();
    }
    transport.receivePong();
    vi.advanceTimersByTime(6 * SECOND);
    expect(transport.closed).toBeUndefined();
  });

  test("has a task queued behind a minute of state does not count as unresponsive", () => {
    const { transport, session, join } = harness();
    join();
    session.send(evaluation(1));
    while (transport.pending.length > 0) {
      vi.advanceTimersByTime(15 * SECOND);
      transport.accept(1);
      expect(transport.closed).toBeUndefined();
    }
    vi.advanceTimersByTime(6 * SECOND);
    expect(transport.closed).toBeUndefined();
  });

  test("reads nothing but answers pings is dropped", () => {
    const { transport, join, onRejected } = harness();
    join();
    for (let seconds = 0; seconds < 20 && !transport.closed; seconds += 2) {
      vi.advanceTimersByTime(2 * SECOND);
      transport.receivePong();
    }
    expect(transport.closed?.code).toBe(closeCodes.notReading);
    expect(onRejected).toHaveBeenCalledOnce();
  });

  test("floods the coordinator with pongs is disconnected", () => {
    const { transport, join } = harness();
    join();
    transport.receivePong();
    expect(transport.closed?.code).toBe(closeCodes.tooMany);
  });

  test("answers pings but none of its tasks is disconnected", () => {
    const { transport, session, join } = harness();
    join();
    transport.accept();
    session.send(evaluation(1));
    for (let seconds = 0; seconds < 60 && !transport.closed; seconds += 2) {
      transport.accept();
      vi.advanceTimersByTime(2 * SECOND);
      transport.receivePong();
    }
    expect(transport.closed?.code).toBe(closeCodes.noAnswer);
  });

  test("falls behind is sent no more until it has read everything, and then catches up", () => {
    const { transport, pool, step, join } = harness();
    join();
    const sentOf = (all: readonly { message: Uint8Array }[]) =>
      all.reduce((sum, { message }) => sum + message.byteLength, 0);
    const stateBytes = sentOf(transport.pending);
    for (let count = 1; count < 50; count++) step();
    expect(pool.suspend).toHaveBeenCalledOnce();
    expect(sentOf(transport.pending)).toBeLessThan(4 * stateBytes + 4 * 1024 * 1024);
    const accepted = transport.accept();
    expect(pool.resume).toHaveBeenCalledOnce();
    // The newest step's state, after everything that was still unread.
    const steps = accepted.flatMap((message) => stateStepOf(message) ?? []);
    expect(steps.at(-1)).toBe(49);
  });

  test("returns wrong results is banned by its address, on this machine only temporarily", () => {
    const remote = harness();
    remote.join();
    remote.session.expel("wrong result");
    expect(remote.bans.remainingMs("192.0.2.7", 1e12)).toBe(Infinity);
    const local = harness({ address: "::ffff:127.0.0.1" });
    local.join();
    local.session.expel("wrong result");
    expect(local.bans.remainingMs("w@127.0.0.1", performance.now())).toBeLessThan(Infinity);
    expect(local.bans.remainingMs("w@127.0.0.1", performance.now())).toBeGreaterThan(0);
  });

  test("reconnects under another name is still banned", () => {
    const { bans, transport, hello } = harness();
    bans.banPermanently("192.0.2.7");
    hello("somebody-else");
    expect(transport.closed?.code).toBe(closeCodes.wrongResults);
  });
});

describe("a worker in a browser", () => {
  const sentAlive = (transport: MemoryTransport) =>
    transport.accept().filter((message) => headerOf(message)?.["type"] === "alive").length;

  test("does not see pings, so each is accompanied by a message", () => {
    for (const [kind, count] of [["browser", 3] as const, ["node", 0] as const]) {
      const { transport, join } = harness();
      join(kind);
      transport.accept();
      let alive = 0;
      for (let ping = 0; ping < 3; ping++) {
        vi.advanceTimersByTime(DEFAULT_TIMES.pingMs);
        alive += sentAlive(transport);
        transport.receivePong();
      }
      expect([kind, alive, transport.pings]).toEqual([kind, count, 3]);
    }
  });

  test("may disappear with its tab repeatedly without being banned", () => {
    const bans = new BanList();
    const vanish = (kind: WorkerKind) => {
      const { transport, join } = harness({ bans, address: "192.0.2.1" });
      join(kind);
      transport.end(1006, "");
    };
    for (let tab = 0; tab < 16; tab++) vanish("browser");
    expect(bans.size).toBe(0);
    for (let process = 0; process < 4; process++) vanish("node");
    expect(bans.remainingMs("192.0.2.1", performance.now())).toBeGreaterThan(0);
  });

  test("that breaks a rule is treated like any other", () => {
    const bans = new BanList();
    for (let tab = 0; tab < 4; tab++) {
      const { transport, join } = harness({ bans, address: "192.0.2.1" });
      join("browser");
      transport.receiveBytes(new Uint8Array(9));
    }
    expect(bans.remainingMs("192.0.2.1", performance.now())).toBeGreaterThan(0);
  });
});

test("one budget limits the unsent bytes of all workers, and a frame for many counts once", () => {
  const exceeded = vi.fn();
  const budget = new SendBudget(1_000, exceeded);
  const frame = new OutgoingFrame(new Uint8Array(600));
  for (let receivers = 0; receivers < 10; receivers++) budget.add(frame);
  expect(exceeded).not.toHaveBeenCalled();
  budget.add(new OutgoingFrame(new Uint8Array(600)));
  expect(exceeded).toHaveBeenCalledOnce();
  for (let receivers = 0; receivers < 10; receivers++) budget.remove(frame);
  expect(budget.isExceeded).toBe(false);
});

test("the end message is not sent between a frame and its tail", () => {
  const { transport, session, step, join } = harness();
  join();
  for (let count = 1; count < 9; count++) step();
  session.end("finished");
  const last = transport.accept().at(-1)!;
  expect(() => decodeFrame(last)).toThrow();
  expect(transport.closed).toEqual({ code: closeCodes.ended, reason: "finished" });
});
