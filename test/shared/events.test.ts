// Observers cannot break a run: a sink that throws, rejects or never finishes harms only itself.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Events, type EventSink } from "../../src/shared/events.js";
import type { RunEvent } from "../../src/shared/run-event.js";

const STEP: RunEvent = { event: "step", step: 0, loss: 1, durationMs: 1, sampleCount: 1 };

function recorder() {
  const seen: string[] = [];
  const sink: EventSink = {
    handle: (event) =>
      void seen.push(
        event.event === "observer-failed" ? `${event.observer}: ${event.reason}` : event.event,
      ),
  };
  return { seen, sink };
}

describe("events", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a sink that was taken out gets no more events, and is not closed", async () => {
    const events = new Events();
    const [stays, goes] = [recorder(), recorder()];
    const close = vi.fn();
    const takeOut = events.add({ ...goes.sink, close });
    events.add(stays.sink);
    events.emit(STEP);
    takeOut();
    takeOut();
    events.emit(STEP);
    await events.close();
    expect([goes.seen, stays.seen]).toEqual([["step"], ["step", "step"]]);
    expect(close).not.toHaveBeenCalled();
  });

  test("an observer's exception reaches neither the run nor the other observers, and is reported once", () => {
    const events = new Events();
    const [before, after] = [recorder(), recorder()];
    events.add(before.sink);
    let calls = 0;
    events.add({
      name: "metrics",
      handle: () => {
        calls++;
        throw new Error("cannot go below 0");
      },
    });
    events.add(after.sink);
    for (let step = 0; step < 3; step++) events.emit(STEP);
    const expected = ["step", "metrics: cannot go below 0", "step", "step"];
    expect(before.seen).toEqual(expected);
    expect(after.seen).toEqual(expected);
    expect(calls).toBe(1);
  });

  test("a rejected promise is an observer's failure too", async () => {
    const events = new Events();
    const { seen, sink } = recorder();
    events.add(sink);
    events.add({ name: "slow", handle: () => Promise.reject(new Error("late")) });
    events.emit(STEP);
    await vi.waitFor(() => expect(seen).toEqual(["step", "slow: late"]));
  });

  test("all observers failing, at the report as well, ends", () => {
    const events = new Events();
    let calls = 0;
    for (const name of ["one", "two", "three"]) {
      events.add({
        name,
        handle: () => {
          calls++;
          throw new Error(name);
        },
      });
    }
    events.emit(STEP);
    events.emit(STEP);
    expect(calls).toBe(3);
  });

  test("an observer that asks for retries is retried at growing intervals and reported once", () => {
    const events = new Events();
    const { seen, sink } = recorder();
    events.add(sink);
    let made = 0;
    let isBroken = true;
    events.addLazily(
      "TensorBoard",
      () => {
        made++;
        if (isBroken) throw new Error("disk full");
        return { handle: () => undefined };
      },
      1000,
    );
    expect(seen).toEqual(["TensorBoard: disk full"]);
    const tries = (ms: number) => {
      vi.advanceTimersByTime(ms);
      const before = made;
      events.emit(STEP);
      return made - before;
    };
    expect([tries(500), tries(500), tries(1500), tries(500)]).toEqual([0, 1, 0, 1]);
    isBroken = false;
    expect([tries(3999), tries(1), tries(1)]).toEqual([0, 1, 0]);
    expect(seen.filter((text) => text !== "step")).toHaveLength(1);
  });

  test("a sink that fails after it was made is closed, and made anew", () => {
    const events = new Events();
    const log: string[] = [];
    let number = 0;
    events.addLazily(
      "file",
      () => {
        const own = ++number;
        return {
          handle: () => {
            if (own === 1) throw new Error("full");
            log.push(`handled by ${own}`);
          },
          close: () => void log.push(`closed ${own}`),
        };
      },
      1000,
    );
    events.emit(STEP);
    vi.advanceTimersByTime(1000);
    events.emit(STEP);
    expect(log).toEqual(["closed 1", "handled by 2"]);
  });

  test("closing: one that throws and one that hangs are reported, and the others are closed", async () => {
    const events = new Events();
    const { seen, sink } = recorder();
    let isClosed = false;
    events.add({ ...sink, close: () => void (isClosed = true) });
    events.add({
      name: "hangs",
      handle: () => undefined,
      close: () => new Promise(() => undefined),
    });
    events.add({
      name: "throws",
      handle: () => undefined,
      close: () => {
        throw new Error("no");
      },
    });
    const closed = events.close();
    await vi.advanceTimersByTimeAsync(3000);
    await closed;
    expect(isClosed).toBe(true);
    expect(seen).toEqual(["throws: no", "hangs: not closed after 3 s"]);
    events.emit(STEP);
    expect(seen).toHaveLength(2);
  });

  test("a guarded function's exception is a report", () => {
    const events = new Events();
    const { seen, sink } = recorder();
    events.add(sink);
    const guarded = events.guard("run log", undefined, (line: string) => {
      throw new Error(`not ${line}`);
    });
    guarded("this");
    guarded("that");
    expect(seen).toEqual(["run log: not this"]);
  });
});
