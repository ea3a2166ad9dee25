// Pages that read slowly, or not at all, cost the run no memory and miss nothing.
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveFeed } from "../../../src/coordinator/observe/dashboard/live-feed.js";

const MIB = 1024 * 1024;

/** A reader that takes a chunk only when told to. */
class SlowReader extends Writable {
  text = "";
  private taken: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    this.taken = done;
  }

  async read(chunks = Infinity): Promise<void> {
    for (let count = 0; count < chunks && this.taken; count++) {
      const { taken } = this;
      this.taken = undefined;
      taken();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe("the live feed", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const event = (number: number) => `data: ${number}:${"x".repeat(1000)}\n\n`;
  const numbers = (text: string) =>
    text.match(/^data: .*$/gm)?.map((line) => Number(/\d+/.exec(line)?.[0])) ?? [];

  test("a viewer that loads slowly misses no line and is sent none twice", async () => {
    const all: string[] = [];
    const feed = new LiveFeed(() => [...all]);
    const add = (number: number) => {
      all.push(event(number));
      feed.add(event(number));
    };
    for (let number = 0; number < 500; number++) add(number);
    const reader = new SlowReader();
    feed.watch(reader);
    for (let number = 500; number < 900; number++) {
      add(number);
      if (number % 50 === 0) await reader.read(1);
    }
    await reader.read();
    expect(numbers(reader.text)).toEqual(Array.from({ length: 900 }, (_, number) => number));
    feed.close();
  });

  test("viewers that read nothing pin no copies, and are disconnected", () => {
    let snapshots = 0;
    const feed = new LiveFeed(() => {
      snapshots++;
      return [event(0).repeat(4000)];
    });
    const readers = Array.from({ length: 63 }, () => new SlowReader());
    for (const reader of readers) feed.watch(reader);
    for (let number = 0; number < 300; number++) feed.add(event(number));
    expect(snapshots).toBe(1);
    expect(Math.max(...readers.map((reader) => reader.writableLength))).toBeLessThan(5 * MIB);
    vi.advanceTimersByTime(90_000);
    expect(readers.every((reader) => reader.destroyed)).toBe(true);
    feed.close();
  });

  test("a viewer that fell too far behind starts again with the run so far", async () => {
    let isLate = false;
    const feed = new LiveFeed(() => [isLate ? "data: 7 late\n\n" : "data: 1 early\n\n"]);
    const reader = new SlowReader();
    feed.watch(reader);
    isLate = true;
    for (let number = 0; number < 6000; number++) feed.add(event(number));
    await reader.read();
    expect(reader.text).toBe("data: 1 early\n\ndata: 7 late\n\n");
    feed.close();
  });

  test("a viewer that is still reading when the run ends is sent the end", async () => {
    const feed = new LiveFeed(() => ["data: 0 start\n\n"]);
    const reader = new SlowReader();
    feed.watch(reader);
    feed.add(event(1));
    feed.add(event(2));
    feed.close();
    const ended = new Promise((resolve) => reader.on("finish", resolve));
    await reader.read();
    await ended;
    expect(numbers(reader.text)).toEqual([0, 1, 2]);
  });
});
