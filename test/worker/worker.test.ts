// A worker's main loop over several connections, with a fake clock and simulated connections.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TandemError } from "../../src/shared/errors.js";
import type { ConnectionEnd } from "../../src/worker/connection-end.js";
import { type Address, Route } from "../../src/worker/route.js";
import {
  type Connect,
  type DialFailure,
  runWorker,
  type WorkerEvent,
} from "../../src/worker/worker.js";
import { fakeRuntime } from "../support/fake-runtime.js";
import { ENGINE_NAMES } from "../../src/shared/engine/engine.js";
import { MemoryTransport } from "../support/memory-transport.js";
import { welcome } from "../support/welcome.js";

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
  });
});
afterEach(() => vi.useRealTimers());

function start(connect: Connect, relays: readonly Address[] = []) {
  const events: WorkerEvent[] = [];
  const options = {
    route: new Route({ url: "ws://host:1/?token=secret", shownUrl: "ws://host:1/" }, relays),
    name: "me",
    kind: "node" as const,
    resources: { memoryBytes: 1e12, engines: ENGINE_NAMES },
    createRuntime: () => fakeRuntime(),
    retryForMs: 60_000,
  };
  const stop = new AbortController();
  const done = runWorker(options, (event) => events.push(event), stop.signal, connect);
  let outcome: TandemError | "ended" | undefined;
  done.then(
    () => (outcome = "ended"),
    (error: unknown) => (outcome = error as TandemError),
  );
  return { events, outcome: () => outcome };
}

const fails = (): Promise<DialFailure> => Promise.resolve({ kind: "failed", reason: "refused" });

/** Welcomes the worker, and closes the connection after a time. */
function welcomeFor(ms: number): Connect {
  return (serve) => {
    const transport = new MemoryTransport();
    const end: Promise<ConnectionEnd> = serve(transport);
    transport.receive(...welcome());
    const pings = setInterval(() => transport.receivePart(2), 1_000);
    setTimeout(() => {
      clearInterval(pings);
      transport.end(1006, "");
    }, ms);
    return end;
  };
}

test("a coordinator that welcomes and disconnects repeatedly is given up after --retry-for", async () => {
  const connect = vi.fn(welcomeFor(1));
  const { outcome } = start(connect);
  await vi.advanceTimersByTimeAsync(70_000);
  expect(outcome()).toMatchObject({ code: "coordinator-unreachable" });
  expect(connect.mock.calls.length).toBeLessThan(40);
});

test("a connection of 30 s counts as useful and resets the retry time", async () => {
  const connect = vi.fn(welcomeFor(31_000));
  const { outcome } = start(connect);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(outcome()).toBeUndefined();
  expect(connect.mock.calls.length).toBeGreaterThan(8);
});

test("a coordinator that disappeared is reported as gone", async () => {
  let attempts = 0;
  const { outcome } = start((serve) => (attempts++ === 0 ? welcomeFor(31_000)(serve) : fails()));
  await vi.advanceTimersByTimeAsync(100_000);
  expect((outcome() as TandemError).message).toMatch(
    /^The coordinator at ws:\/\/host:1\/ is gone: last heard from 6\d s ago/,
  );
});

test("a coordinator that was never reached is not reported as gone, and the URL's secret is not printed", async () => {
  const { outcome, events } = start(fails);
  await vi.advanceTimersByTimeAsync(70_000);
  expect((outcome() as TandemError).message).toMatch(/^No coordinator at ws:\/\/host:1\/ for 60 s/);
  expect(events).toEqual([{ event: "waiting", reason: "refused", deadlineSeconds: 60 }]);
});

test("a worker that reconnects after the end of the run learns that it is over, without a welcome", async () => {
  let attempts = 0;
  const { outcome, events } = start((serve) => {
    if (attempts++ === 0) return welcomeFor(1)(serve);
    const transport = new MemoryTransport();
    const end = serve(transport);
    transport.receive({ type: "end", reason: "finished" });
    transport.end(1000, "");
    return end;
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(outcome()).toBe("ended");
  expect(events.at(-1)).toEqual({ event: "ended", reason: "finished" });
});

test("relays are tried in turn, then the coordinator; a useful one is retried first", () => {
  const relays = ["ws://near:1/", "ws://far:1/"].map((url) => ({ url, shownUrl: url }));
  const tried: string[] = [];
  const route = new Route({ url: "ws://root:1/", shownUrl: "ws://root:1/" }, relays);
  const turn = (wasUseful: boolean) => {
    tried.push(route.current.url.slice(5, -3));
    return route.advance(wasUseful);
  };
  // Relays may be ready later than the coordinator.
  for (let round = 0; round < 4; round++) expect([turn(false), turn(false)]).toEqual([false, true]);
  expect([turn(false), turn(false), turn(false)]).toEqual([false, false, true]);
  expect(tried.splice(0).slice(-3)).toEqual(["near", "far", "root"]);
  // From now on, each lost relay is tried only once.
  expect([turn(true), turn(false), turn(true), turn(true)]).toEqual([false, false, false, false]);
  expect(tried).toEqual(["near", "near", "far", "far"]);
  expect(route.isAtCoordinator).toBe(true);
});

test("the coordinator may accept a worker that a relay refuses", async () => {
  let attempts = 0;
  const refuses = (): Promise<DialFailure> =>
    Promise.resolve({ kind: "refused", cause: "other", reason: "HTTP 401" });
  const connect: Connect = (serve) => (attempts++ < 5 ? refuses() : welcomeFor(1)(serve));
  const relay = { url: "ws://relay:1/", shownUrl: "ws://relay:1/" };
  const { outcome, events } = start(connect, [relay]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(outcome()).toBeUndefined();
  expect(events).toContainEqual({ event: "connected", name: "first", url: "ws://host:1/" });
});
