// What the page /join says in each situation, without a browser.
import { describe, expect, test } from "vitest";
import {
  type JoinFacts,
  stateOf,
} from "../../../src/coordinator/observe/dashboard/page/join/join-state.js";
import { deviceName } from "../../../src/coordinator/observe/dashboard/page/join/device-name.js";
import { SleepWatch } from "../../../src/coordinator/observe/dashboard/page/join/sleep.js";
import {
  DeviceTally,
  RECENT_COUNT,
  shareOfWork,
} from "../../../src/coordinator/observe/dashboard/page/join/tally.js";
import { shardDone } from "../../support/join-page.js";

const NONE = { connected: 0, waiting: 0, starting: 0, ended: 0 };

function facts(changes: Partial<JoinFacts> = {}): JoinFacts {
  return {
    access: "open",
    wish: "compute",
    run: { engine: "wasm", step: 6412, steps: 10_000, end: undefined, waiting: undefined },
    workers: { ...NONE, connected: 4 },
    outcome: undefined,
    hasSlept: false,
    keepsScreenOn: false,
    shards: 1284,
    share: 0.124,
    ...changes,
  };
}

const nameOf = (changes: Partial<JoinFacts>) => stateOf(facts(changes)).name;

describe("stateOf", () => {
  test("before the user wishes anything", () => {
    const wish = "none";
    const workers = NONE;
    expect(nameOf({ wish, workers, access: "unknown" })).toBe("connecting");
    expect(nameOf({ wish, workers, access: "unreachable" })).toBe("unreachable");
    expect(nameOf({ wish, workers, access: "token" })).toBe("token");
    expect(nameOf({ wish, workers })).toBe("ready");
  });

  test("an engine that browsers lack is said before anyone joins", () => {
    const run = { ...facts().run, engine: "tensorflow" };
    expect(nameOf({ wish: "none", workers: NONE, run })).toBe("engine");
  });

  test("one connected worker is enough to be working; the others are named", () => {
    const workers = { connected: 1, waiting: 2, starting: 0, ended: 1 };
    const { name, message } = stateOf(facts({ workers }));
    expect(name).toBe("working");
    expect(message).toContain("Step 6,412 of 10,000. 1 of 4 cores connected.");
  });

  test("it claims to keep the screen on only where it does", () => {
    expect(stateOf(facts({ keepsScreenOn: true })).message).toContain("it keeps the screen on");
    expect(stateOf(facts()).message).toContain("in the foreground and the screen on");
  });

  test("without a connection: lost, paused by a sleep, or still joining", () => {
    expect(nameOf({ workers: { ...NONE, waiting: 4 } })).toBe("lost");
    expect(nameOf({ workers: { ...NONE, waiting: 4 }, hasSlept: true })).toBe("hidden");
    expect(nameOf({ workers: { ...NONE, starting: 4 } })).toBe("joining");
    // Only the feed is broken: the workers have their own connections.
    expect(nameOf({ access: "unreachable" })).toBe("working");
  });

  test("the page asks for a changed token when the workers have lost their connections", () => {
    expect(nameOf({ access: "token" })).toBe("working");
    expect(nameOf({ access: "token", workers: { ...NONE, waiting: 4 } })).toBe("token");
  });

  test("the end of the run comes before all else", () => {
    const run = { ...facts().run, end: { testAccuracy: 0.9904, testLoss: 0.03 } };
    for (const wish of ["none", "compute", "leave"] as const) {
      expect(nameOf({ run, wish, access: "unreachable", workers: NONE })).toBe("finished");
    }
    expect(stateOf(facts({ run })).message).toContain("1284 shards, 12.4\u202f% of the work");
    const idle = stateOf(facts({ run, shards: 0, share: undefined }));
    expect(idle.message).toBe("Test accuracy 99.04\u202f%.");
    const values = { ...run, end: { testLoss: 0.031234 } };
    expect(stateOf(facts({ run: values })).message).toContain("Test loss 0.03123.");
  });

  test("each way in which workers end has its words and a way on", () => {
    const ended = (outcome: JoinFacts["outcome"]) => stateOf(facts({ outcome, workers: NONE }));
    expect(ended({ kind: "ended", reason: "finished" }).name).toBe("finished");
    expect(ended({ kind: "ended", reason: "interrupted" }).message).toContain("step 6,412");
    expect(ended({ kind: "refused", cause: "engine", reason: "" }).name).toBe("engine");
    expect(ended({ kind: "refused", cause: "version", reason: "" }).action).toMatchObject({
      does: "reload",
    });
    expect(ended({ kind: "refused", cause: "memory", reason: "it needs 9 GB" }).message).toBe(
      "It needs 9 GB.",
    );
    expect(ended({ kind: "failed", reason: "no WebAssembly SIMD." }).message).toBe(
      "No WebAssembly SIMD.",
    );
  });
});

describe("DeviceTally", () => {
  test("adds up what all Web Workers did, also those that were replaced", () => {
    const tally = new DeviceTally();
    tally.note(0, shardDone(1, 10));
    tally.note(0, shardDone(2, 20));
    tally.note(1, shardDone(5, 30));
    expect(tally.shards).toBe(7);
    expect(tally.bytesReceived).toBe(7_000_000);
    expect(tally.weightsStep).toBe(5);
    expect(tally.medianMs).toBe(20);
    tally.note(1, { type: "waiting", reason: "no connection" });
    expect(tally.shards).toBe(7);
  });

  test("keeps the times of the last shards, and none of evaluation batches", () => {
    const tally = new DeviceTally();
    for (let count = 1; count <= RECENT_COUNT + 5; count++) tally.note(0, shardDone(count, count));
    tally.note(0, { ...shardDone(99, 1e6), kind: "evaluation" } as never);
    expect(tally.recentMs).toHaveLength(RECENT_COUNT);
    expect(tally.recentMs.at(-1)).toBe(RECENT_COUNT + 5);
  });

  test("the share of the work is that since it joined, and never more than all", () => {
    const run = { shardsPerStep: 4, joinedStep: 100 };
    expect(shareOfWork({ ...run, shards: 0, step: 100 })).toBeUndefined();
    expect(shareOfWork({ ...run, shards: 10, step: 110 })).toBe(0.25);
    // Its own shards are known before the run's step.
    expect(shareOfWork({ ...run, shards: 2, step: 100 })).toBe(1);
  });
});

describe("SleepWatch", () => {
  test("a late tick is a sleep, for a minute or until a worker is connected again", () => {
    const watch = new SleepWatch(0);
    for (const ms of [500, 1_000, 3_000]) watch.tick(ms);
    expect(watch.hasSlept(3_000)).toBe(false);
    watch.tick(3_600_000);
    expect(watch.hasSlept(3_600_000)).toBe(true);
    expect(watch.hasSlept(3_659_999)).toBe(true);
    expect(watch.hasSlept(3_660_000)).toBe(false);
    watch.freeze(4_000_000);
    expect(watch.hasSlept(4_000_001)).toBe(true);
    watch.connected();
    expect(watch.hasSlept(4_000_002)).toBe(false);
  });
});

test("deviceName tells kinds of devices apart, and devices of one kind", () => {
  const android = "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 Mobile Safari";
  expect(deviceName(android, 0)).toBe("phone-000");
  expect(deviceName(android, 0.999999)).toBe("phone-zzz");
  const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
  expect(deviceName(mac, 0.5)).toMatch(/^mac-\w{3}$/);
  expect(deviceName("", 0.5)).toMatch(/^browser-/);
});
