// Events for a reader who takes them one by one, and for one who does not.
import { describe, expect, test } from "vitest";
import { EventQueue } from "../../src/run/event-queue.js";
import type { ReportedEvent } from "../../src/shared/run-event.js";

const step = (number: number): ReportedEvent => {
  return { event: "step", step: number, loss: 1, durationMs: 1, sampleCount: 1 };
};
const saved = (number: number): ReportedEvent => {
  return { event: "checkpoint", step: number, path: "c" };
};

async function readAll(queue: EventQueue): Promise<ReportedEvent[]> {
  const events: ReportedEvent[] = [];
  for await (const event of queue) events.push(event);
  return events;
}

test("events come in order, whether they wait for the reader or the reader for them", async () => {
  const queue = new EventQueue();
  queue.push(step(0));
  const reading = readAll(queue);
  await Promise.resolve();
  queue.push(step(1));
  queue.push(saved(2));
  queue.close();
  queue.push(step(3));
  expect(await reading).toEqual([step(0), step(1), saved(2)]);
});

test("a failure is thrown after the last event, once", async () => {
  const queue = new EventQueue();
  queue.push(step(0));
  queue.close({ reason: new Error("broken") });
  expect(await queue.next()).toEqual({ value: step(0), done: false });
  await expect(queue.next()).rejects.toThrow("broken");
  expect(await queue.next()).toEqual({ value: undefined, done: true });
});

describe("nobody reads", () => {
  test("the oldest step events are dropped, and the others are kept", async () => {
    const queue = new EventQueue();
    queue.push(saved(0));
    for (let number = 0; number < 5000; number++) queue.push(step(number));
    queue.push(saved(5000));
    queue.close();
    const events = await readAll(queue);
    expect(events).toHaveLength(1002);
    expect(events[0]).toEqual(saved(0));
    expect(events[1]).toEqual(step(4000));
    expect(events.at(-1)).toEqual(saved(5000));
  });

  test("events of any kind are bounded", async () => {
    const queue = new EventQueue();
    for (let number = 0; number < 25_000; number++) queue.push(saved(number));
    queue.close();
    const events = await readAll(queue);
    expect(events).toHaveLength(20_000);
    expect(events.at(-1)).toEqual(saved(24_999));
  });
});

test("after a reader has left its loop nothing is kept", async () => {
  const queue = new EventQueue();
  queue.push(step(0));
  queue.push(step(1));
  for await (const event of queue) {
    expect(event).toEqual(step(0));
    break;
  }
  queue.push(step(2));
  expect(await queue.next()).toEqual({ value: undefined, done: true });
});
