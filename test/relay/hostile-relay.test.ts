// A misbehaving relay, as its coordinator sees it: the tasks that it holds and returns, its reports and its requests must not cost
// others an unbounded amount.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { classesLayout } from "../support/small-layouts.js";
import { MemoryTransport } from "../support/memory-transport.js";
import type { WorkerBroadcast } from "../../src/coordinator/broadcast/broadcast.js";
import type { FeedParts } from "../../src/coordinator/broadcast/replica-feed.js";
import { UpdateFeed, type UpdateSource } from "../../src/coordinator/broadcast/update-feed.js";
import { Waiters } from "../../src/coordinator/broadcast/waiters.js";
import { AnswerIntake } from "../../src/coordinator/workers/answer-intake.js";
import { AssignedTasks } from "../../src/coordinator/workers/assigned-tasks.js";
import { BanList } from "../../src/coordinator/workers/ban-list.js";
import { NumericsCheck } from "../../src/coordinator/workers/numerics-check.js";
import { SendBudget } from "../../src/coordinator/workers/outbox.js";
import { Schedule } from "../../src/coordinator/workers/schedule.js";
import { Session } from "../../src/coordinator/workers/session.js";
import { DEFAULT_TIMES } from "../../src/coordinator/workers/session-times.js";
import { TaskAssigner } from "../../src/coordinator/workers/task-assigner.js";
import type { Task, WorkerLink } from "../../src/coordinator/workers/tasks.js";
import type { WorkerPool } from "../../src/coordinator/workers/worker-pool.js";
import { Events } from "../../src/shared/events.js";
import { PROTOCOL_VERSION } from "../../src/shared/protocol/messages.js";

const samples = { count: 2, inputs: new Uint8Array(8), targets: new Int32Array(2) };
const shardTask = (id: number, shard = id): Task => {
  return { kind: "shard", id, step: 2, shard, firstSample: 0, samples };
};

describe("a relay that returns every task", () => {
  function scheduleOf(capacities: Record<string, number>) {
    const schedule = new Schedule<string, { id: number; kind: string; shard: number }>(undefined, {
      capacityOf: (worker) => capacities[worker] ?? 0,
    });
    // Each has answered a task; otherwise a free worker would get a backup immediately.
    Object.keys(capacities).forEach((joining, index) => {
      schedule.add([{ id: -1 - index, kind: "proof", shard: index }]);
      schedule.join(joining);
      for (const { worker, task } of schedule.assign(0)) schedule.answer(worker, task.id, 0);
    });
    return schedule;
  }

  test("keeps no task from the others, whatever it claims", () => {
    const schedule = scheduleOf({ honest: 1, hostile: 1000 });
    const answered: number[] = [];
    schedule.add([0, 1, 2].map((shard) => ({ id: shard, kind: "shard", shard })));
    for (let nowMs = 0; nowMs < 100 && answered.length < 3; nowMs += 10) {
      const given = schedule.assign(nowMs);
      for (const { worker, task } of given) {
        if (worker === "hostile") schedule.returnTask(worker, task.id);
        else if (schedule.answer(worker, task.id, nowMs + 5)) answered.push(task.id);
      }
    }
    expect(answered.toSorted()).toEqual([0, 1, 2]);
  });

  test("takes turns with another relay that returned the task while it had no workers", () => {
    const capacities = { honest: 1, hostile: 1000 };
    const schedule = scheduleOf(capacities);
    schedule.add([{ id: 0, kind: "shard", shard: 0 }]);
    const next = () => schedule.assign(0).map(({ worker }) => worker);
    expect(next()).toEqual(["hostile"]);
    schedule.returnTask("hostile", 0);
    expect(next()).toEqual(["honest"]);
    schedule.returnTask("honest", 0);
    expect(next()).toEqual(["hostile"]);
    schedule.returnTask("hostile", 0);
    expect(next()).toEqual(["honest"]);
  });

  test("is assigned the task again if nobody else can compute it", () => {
    const schedule = scheduleOf({ relay: 2, empty: 0 });
    schedule.add([{ id: 0, kind: "shard", shard: 0 }]);
    for (let turn = 0; turn < 3; turn++) {
      expect(schedule.assign(0)).toMatchObject([{ worker: "relay" }]);
      schedule.returnTask("relay", 0);
    }
  });
});

test("a relay whose tasks were cancelled is free for others", () => {
  const assigner = new TaskAssigner({
    ...{ events: new Events(), onAdvance: () => undefined, beforeShard: () => undefined },
  });
  let sent = 0;
  const link = (name: string, isRelay: boolean): WorkerLink => ({
    ...{ name, origin: name, capacity: 1, sendMerged: vi.fn(), expel: vi.fn() },
    send: () => {
      if (isRelay) sent++;
    },
    cancel: () => isRelay,
  });
  const [relay, worker] = [link("relay", true), link("worker", false)];
  const { schedule } = assigner;
  for (const one of [relay, worker]) schedule.join(one);
  for (let step = 0; step < 5; step++) {
    schedule.add([shardTask(2 * step), shardTask(2 * step + 1)]);
    assigner.assign();
    expect(sent).toBe(step + 1);
    // Others answered all of its tasks first.
    for (const id of [2 * step, 2 * step + 1]) {
      const holders = schedule.holdersOf(id);
      if (holders.includes(worker)) schedule.answer(worker, id, 1);
      schedule.drop([id]);
      assigner.cancelOthers(holders, id, worker);
    }
  }
  assigner.stop();
});

describe("with a fake clock", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "performance"] });
  });
  afterEach(() => vi.useRealTimers());

  test("false reports of unusable numbers take at most a tenth of the time", () => {
    const tasks = new AssignedTasks();
    const CHECK_MS = 50;
    const hasDiverged = vi.fn(() => {
      vi.advanceTimersByTime(CHECK_MS);
      return false;
    });
    const intake = new AnswerIntake({
      ...{ worker: {} as WorkerLink, tasks, onAnswered: () => undefined, summed: () => undefined },
      pool: { hasDiverged } as unknown as WorkerPool,
      broadcast: { layout: classesLayout, takeBucket: () => undefined },
    });
    vi.advanceTimersByTime(1);
    const startMs = performance.now();
    for (let id = 0; performance.now() < startMs + 10_000; id++) {
      tasks.add(shardTask(id, 0), performance.now());
      intake.takeUnusable({ type: "unusable", task: id });
      vi.advanceTimersByTime(1);
    }
    const shareOfTime = (hasDiverged.mock.calls.length * CHECK_MS) / 10_000;
    expect(shareOfTime).toBeGreaterThan(0.05);
    expect(shareOfTime).toBeLessThan(0.1);
  });

  test("a worker that leaves before there is a state to send is forgotten", () => {
    const cancel = vi.fn();
    const { config } = classesLayout;
    const broadcast = {
      ...{ kind: "weights", layout: classesLayout, stateBytes: 1, whenOpen: () => cancel },
    } as unknown as WorkerBroadcast;
    const transport = new MemoryTransport();
    new Session(transport, {
      pool: { join: vi.fn(), leave: vi.fn() } as unknown as WorkerPool,
      ...{ broadcast, times: DEFAULT_TIMES, bans: new BanList(), address: "192.0.2.9" },
      budget: new SendBudget(Infinity, () => undefined),
      numerics: new NumericsCheck({
        ...{ config, isMixedAllowed: false, events: new Events(), step: () => 0 },
      }),
      uniqueName: (requested) => requested,
      endReason: () => undefined,
      onProgress: () => undefined,
      onRejected: () => undefined,
      onClosed: () => undefined,
    });
    transport.receive({ type: "hello", protocol: PROTOCOL_VERSION, name: "w", kind: "node" });
    transport.receive({ type: "ready", numerics: config.numerics });
    expect(cancel).not.toHaveBeenCalled();
    transport.end(1006, "");
    expect(cancel).toHaveBeenCalledOnce();
  });
});

describe("a relay's feed of updates", () => {
  const feedParts = (changes: object = {}) => {
    return {
      ...{ worker: {}, outbox: { queuedBytes: 0, send: vi.fn() }, onDigestJudged: vi.fn() },
      ...{ onDigestRequested: vi.fn(), onBehind: vi.fn(), onCaughtUp: vi.fn() },
      ...changes,
    } as unknown as FeedParts;
  };

  test("judges a digest that differs once per step, as each costs a whole state", () => {
    const onDigestJudged = vi.fn();
    const source = {
      source: { isHere: true, stateBytes: 1, groups: [], step: 100 },
      judgeDigest: (_digest: unknown, judge: (isSame: boolean) => void) => judge(false),
      update: () => ({ frame: {}, wantsDigest: false }),
      onClose: vi.fn(),
    } as unknown as UpdateSource;
    const feed = new UpdateFeed(feedParts({ onDigestJudged }), source);
    feed.sendState();
    for (let step = 101; step < 110; step++) {
      feed.takeDigest(100, 7);
      feed.sendUpdate();
    }
    feed.takeDigest(200, 7);
    expect(onDigestJudged.mock.calls).toEqual([
      [100, false],
      [200, false],
    ]);
  });

  test("waits once for a state that is requested at several steps, and not after it is closed", () => {
    const waiters = new Waiters();
    const send = vi.fn();
    const state = { isHere: false, stateBytes: 1, groups: [0], step: 100, frame: () => ({}) };
    const source = {
      source: state,
      whenState: (onState: () => void) => waiters.add(onState),
      onClose: vi.fn(),
    } as unknown as UpdateSource;
    const feed = new UpdateFeed(feedParts({ outbox: { queuedBytes: 0, send } }), source);
    feed.sendState();
    send.mockClear();
    for (state.step = 101; state.step < 104; state.step++) feed.requestState();
    waiters.callAll();
    expect(send).toHaveBeenCalledOnce();
    feed.requestState();
    expect(waiters.isEmpty).toBe(false);
    feed.close();
    expect(waiters.isEmpty).toBe(true);
  });
});
