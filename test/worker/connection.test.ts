// The worker's side of a connection, with a fake clock and a simulated coordinator.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ENGINE_NAMES, type EngineName } from "../../src/shared/engine/engine.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import { closeCodes } from "../../src/shared/protocol/close-codes.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { serveConnection } from "../../src/worker/connection.js";
import type { Runtime, RuntimeHolder } from "../../src/worker/runtime.js";
import type { ConnectionEnd } from "../../src/worker/connection-end.js";
import {
  MAX_BYTES_BEFORE_WELCOME,
  maxMessageBytes,
  maxUnsentBytes,
} from "../../src/worker/limits.js";
import { configOf } from "../support/config.js";
import { fakeRuntime } from "../support/fake-runtime.js";
import { MemoryTransport } from "../support/memory-transport.js";
import { welcome } from "../support/welcome.js";

const evaluate = { type: "evaluate", task: 1, step: 0, count: 1 };

function serve(
  runtime?: Runtime,
  memoryBytes = 1e12,
  transport = new MemoryTransport(),
  engines: readonly EngineName[] = ENGINE_NAMES,
) {
  const stop = new AbortController();
  const create = vi.fn(() => fakeRuntime());
  const holder: RuntimeHolder = { runtime, create };
  const names: string[] = [];
  const onWelcome = (name: string) => names.push(name);
  const ended = serveConnection(
    transport,
    { name: "me", kind: "node", holder, onWelcome, resources: { memoryBytes, engines } },
    stop.signal,
  );
  let end: ConnectionEnd | undefined;
  ended.then(
    (value) => (end = value),
    () => undefined,
  );
  return { transport, stop, create, names, ended, endNow: () => end };
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
  });
});
afterEach(() => vi.useRealTimers());

test("says hello, is ready after the welcome, and answers a task", async () => {
  const { transport, create, names, ended } = serve();
  transport.receive(...welcome());
  transport.receive(evaluate);
  expect(transport.sent.map(({ type }) => type)).toEqual(["hello", "ready", "evaluated"]);
  expect(create).toHaveBeenCalledOnce();
  expect(names).toEqual(["first"]);
  transport.end(1006, "");
  expect(await ended).toMatchObject({ kind: "lost", wasUseful: true });
});

test("keeps the runtime of an earlier connection to the same run", () => {
  const { transport, create } = serve(fakeRuntime());
  transport.receive(...welcome());
  expect(create).not.toHaveBeenCalled();
});

test("accepts no task before the welcome, even with a runtime of an earlier connection", async () => {
  const { transport, ended } = serve(fakeRuntime());
  transport.receive(evaluate);
  expect(transport.closed?.code).toBe(closeCodes.badMessage);
  transport.end(closeCodes.badMessage, "");
  expect(await ended).toMatchObject({ kind: "lost", wasUseful: false });
});

test("pings without a welcome end the connection after 20 s", async () => {
  const { transport, endNow } = serve();
  for (let second = 0; second < 21; second++) {
    transport.receivePart(2);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(transport.isDestroyed).toBe(true);
  expect(endNow()).toEqual({ kind: "lost", reason: "no welcome within 20 s", wasUseful: false });
});

test("a second welcome closes the connection", () => {
  const { transport, create } = serve();
  transport.receive(...welcome());
  transport.receive(...welcome({ seed: 1 }));
  expect(transport.closed).toMatchObject({ code: closeCodes.badMessage });
  expect(create).toHaveBeenCalledOnce();
});

test("silence of 15 s ends the connection, and bytes of an incomplete message count as activity", async () => {
  const { transport, endNow } = serve();
  transport.receive(...welcome());
  for (let second = 0; second < 40; second++) {
    transport.receivePart(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(endNow()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(16_000);
  expect(endNow()).toMatchObject({ kind: "lost", reason: "the coordinator is silent" });
});

test("if pings are not visible, `alive` messages keep the connection", async () => {
  const transport = new MemoryTransport({ reportsBytes: false });
  const { endNow } = serve(undefined, 1e12, transport);
  transport.receive(...welcome());
  for (let second = 0; second < 60; second += 2) {
    transport.receive({ type: "alive" });
    await vi.advanceTimersByTimeAsync(2_000);
  }
  expect(endNow()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(endNow()).toMatchObject({ kind: "lost", reason: "the coordinator is silent" });
});

test("if only whole messages are visible, the largest one has the time that a slow link needs for it", async () => {
  const transport = new MemoryTransport({ reportsBytes: false });
  const { endNow } = serve(undefined, 1e12, transport);
  transport.receive(...welcome());
  // About 13 MB for this network: 21 s at 5 Mbit/s.
  await vi.advanceTimersByTimeAsync(
    (1000 * 8 * maxMessageBytes(layoutOfRun(configOf()))) / 5e6 + 14_000,
  );
  expect(endNow()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(endNow()).toMatchObject({ kind: "lost" });
});

test("a closing handshake that the coordinator does not answer ends after a second", async () => {
  const { transport, endNow } = serve();
  transport.receive({ type: "end", reason: "finished" });
  expect(endNow()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(endNow()).toEqual({ kind: "ended", reason: "finished" });
});

test("a stop says goodbye", async () => {
  const { transport, stop, ended } = serve();
  transport.receive(...welcome());
  stop.abort();
  expect(transport.sent.at(-1)).toEqual({ type: "goodbye" });
  transport.end(closeCodes.goingAway, "");
  expect(await ended).toEqual({ kind: "stopped" });
});

test.each([
  [1000, "finished", { kind: "ended", reason: "finished" }],
  [closeCodes.otherNumerics, "other", { kind: "refused", cause: "numerics", reason: "other" }],
  [closeCodes.version, "too old", { kind: "refused", cause: "version", reason: "too old" }],
  [
    closeCodes.wrongResults,
    "",
    { kind: "refused", cause: "other", reason: "the connection was closed (4008)" },
  ],
  [closeCodes.banned, "later", { kind: "lost", reason: "later", wasUseful: false }],
  [1006, "a\u001b[2Jb\nc", { kind: "lost", reason: "a\ufffd[2Jb\ufffdc", wasUseful: false }],
])("close code %i with reason %j", async (code, reason, expected) => {
  const { transport, ended } = serve();
  transport.end(code, reason);
  expect(await ended).toEqual(expected);
});

test("a run with an engine that is not available is refused, and the coordinator receives the reason", async () => {
  const { transport, create, endNow } = serve(undefined, 1e12, new MemoryTransport(), ["wasm"]);
  transport.receive(...welcome({ engine: { name: "tensorflow", threads: 1 } }));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(endNow()).toMatchObject({ kind: "refused", cause: "engine" });
  expect(transport.closed).toMatchObject({ code: closeCodes.cannotTakePart });
  expect(transport.closed?.reason).toMatch(/engine is tensorflow.*--engine wasm/);
  expect(create).not.toHaveBeenCalled();
});

test("an error of the engine is thrown, as it would happen again", async () => {
  const compute = () => {
    throw new Error("out of memory");
  };
  const { transport, ended } = serve({ ...fakeRuntime(), compute });
  transport.receive(...welcome());
  transport.receive(evaluate);
  await expect(ended).rejects.toMatchObject({ code: "compute-failed" });
  expect(transport.isDestroyed).toBe(true);
});

describe("a hostile coordinator", () => {
  const { network, data } = configOf();

  test.each([
    ["4e9 shards", { shards: 4e9 }, /shards/],
    ["a batch of 4e9", { batchSize: 4e9 }, /batch size/],
    [
      "a network larger than the memory",
      { network: presetNetwork("cnn", [256, 256, 1], 4) },
      /machine has 1000 MB/,
    ],
    [
      "a loss that does not fit the network",
      { network: { ...network, layers: network.layers.slice(0, 1) } },
      /A loss takes one row of values/,
    ],
    [
      "more classes than the network has outputs",
      { data: { ...data, target: { kind: "classes", count: 5 } } },
      /targets do not fit/,
    ],
    [
      "a network that trains nothing",
      {
        network: {
          ...network,
          layers: network.layers.map((node) => ({ ...node, trainable: false })),
        },
      },
      /all layers are frozen/,
    ],
    [
      "a network in a circle",
      { network: { ...network, layers: network.layers.toReversed() } },
      /does not come before it/,
    ],
  ])("is refused %s before anything is allocated", async (_what, config, reason) => {
    const { transport, create, endNow } = serve(undefined, 1e9);
    transport.receive(...welcome(config));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(create).not.toHaveBeenCalled();
    const end = endNow();
    expect(end?.kind === "refused" ? end.reason : end).toMatch(reason);
  });

  test("may send a megabyte and its header before the welcome, but not more", () => {
    const { transport } = serve();
    transport.receivePart(MAX_BYTES_BEFORE_WELCOME);
    expect(transport.isDestroyed).toBe(false);
    transport.receivePart(1);
    expect(transport.isDestroyed).toBe(true);
  });

  test("cannot send a message of 3 GB", () => {
    const { transport } = serve();
    transport.receive(...welcome());
    let bytes = 0;
    for (; !transport.isDestroyed && bytes < 3e9; bytes += 1e6) transport.receivePart(1e6);
    expect(bytes).toBeLessThan(200e6);
  });

  test.each([
    ["text", Buffer.from("hello"), false],
    ["random bytes", Buffer.from("ffffffff00112233", "hex"), true],
  ])("that sends %s is left", (_what, bytes, isBinary) => {
    const { transport } = serve();
    transport.receiveBytes(bytes, isBinary);
    expect(transport.closed?.code).toBe(closeCodes.badMessage);
  });

  test("cannot write to the terminal with the name that it assigns", () => {
    const { transport, names } = serve();
    transport.receive(...welcome({}, "\u001b]0;owned\u0007"));
    expect(names).toEqual(["\ufffd]0;owned\ufffd"]);
  });
});

test("stops computing for a coordinator that does not read the answers", async () => {
  const answer = new Uint8Array(2 ** 20);
  const runtime = fakeRuntime();
  runtime.compute = ({ task }, _parts, send) => {
    const computed = { from: 0, to: 1 };
    send({ message: { type: "evaluated", task, lossSum: 0, computed }, parts: [answer] });
  };
  const transport = new MemoryTransport({ acceptsAtOnce: false });
  const { ended } = serve(runtime, undefined, transport);
  transport.receive(...welcome());
  transport.accept();
  const most = maxUnsentBytes(layoutOfRun(configOf()), { memoryBytes: 1e12 });
  for (let sent = 0; sent <= most; sent += answer.byteLength) {
    expect(transport.isOpen).toBe(true);
    transport.receive(evaluate);
  }
  transport.receive(evaluate);
  expect(await ended).toMatchObject({
    kind: "lost",
    reason: expect.stringContaining("does not read") as string,
  });
});
