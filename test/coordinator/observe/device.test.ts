// The Web Workers of the page /join, as threads that the test controls.
import { beforeEach, expect, test, vi } from "vitest";
import {
  Device,
  type WorkerThread,
} from "../../../src/coordinator/observe/dashboard/page/join/device.js";
import type {
  FromBrowserWorker,
  ToBrowserWorker,
} from "../../../src/shared/protocol/browser-messages.js";
import { shardDone } from "../../support/join-page.js";

class Thread implements WorkerThread {
  onmessage: WorkerThread["onmessage"] = null;
  onerror: WorkerThread["onerror"] = null;
  readonly heard: ToBrowserWorker[] = [];
  isTerminated = false;

  postMessage(message: ToBrowserWorker): void {
    this.heard.push(message);
  }

  terminate(): void {
    this.isTerminated = true;
  }

  say(message: FromBrowserWorker): void {
    this.onmessage?.({ data: message });
  }

  get name(): string {
    const [start] = this.heard;
    return start?.type === "start" ? start.name : "";
  }
}

let threads: Thread[];
let device: Device;

beforeEach(() => {
  threads = [];
  device = new Device({
    createThread: () => {
      const thread = new Thread();
      threads.push(thread);
      return thread;
    },
    url: "ws://host/",
    kernelsUrl: "http://host/kernels.wasm",
    onConnected: () => undefined,
    onChange: () => undefined,
  });
});

const connect = (...indices: number[]) => {
  for (const index of indices) threads[index]!.say({ type: "connected", name: "given" });
};

test("each Web Worker has a name of its own, and a place keeps its name when it is filled again", () => {
  device.start("phone", 3);
  connect(0, 1);
  threads[1]!.say({ type: "waiting", reason: "no connection" });
  device.reconnect();
  expect(threads.map(({ name }) => name)).toEqual(["phone-1", "phone-2", "phone-3", "phone-2"]);
  expect(threads.map(({ isTerminated }) => isTerminated)).toEqual([false, true, false, false]);
  expect(device.counts).toEqual({ connected: 1, waiting: 0, starting: 2, ended: 0 });
});

test("a worker that is dismissed says goodbye first, and what it does until then counts", () => {
  device.start("phone", 2);
  connect(0, 1);
  device.resize(1);
  const last = threads[1]!;
  expect(last.heard.at(-1)).toEqual({ type: "stop" });
  expect(last.isTerminated).toBe(false);
  last.say(shardDone(1, 10));
  expect(device.tally.shards).toBe(1);
  last.say({ type: "stopped" });
  expect(last.isTerminated).toBe(true);
  expect(device.counts.connected).toBe(1);
});

test("a goodbye that does not come is not waited for", () => {
  vi.useFakeTimers();
  try {
    device.start("phone", 1);
    connect(0);
    device.stop();
    expect(threads[0]!.isTerminated).toBe(false);
    vi.advanceTimersByTime(10_000);
    expect(threads[0]!.isTerminated).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test("one that is not connected has nobody to say goodbye to", () => {
  device.start("phone", 1);
  device.stop();
  expect(threads[0]!.isTerminated).toBe(true);
  expect(device.outcome).toBeUndefined();
});

test("there is an outcome once all have ended, and none after a new start", () => {
  device.start("phone", 2);
  connect(0, 1);
  threads[0]!.say({ type: "ended", reason: "finished" });
  expect(device.outcome).toBeUndefined();
  threads[1]!.say({ type: "refused", cause: "numerics", reason: "differs" });
  expect(device.outcome).toEqual({ kind: "ended", reason: "finished" });
  expect(threads.every(({ isTerminated }) => isTerminated)).toBe(true);
  device.start("phone", 1);
  expect(device.outcome).toBeUndefined();
});

test("a script that cannot be run is a failure", () => {
  device.start("phone", 1);
  threads[0]!.onerror?.({});
  expect(device.outcome).toMatchObject({ kind: "failed" });
});
