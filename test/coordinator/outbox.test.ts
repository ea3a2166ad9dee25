import { expect, test, vi } from "vitest";
import { Outbox, SendBudget } from "../../src/coordinator/workers/outbox.js";
import { ArrivingFrame, OutgoingFrame } from "../../src/shared/protocol/channel.js";
import { MemoryTransport } from "../support/memory-transport.js";

test("memory that a closing connection may still send from is not reused", () => {
  const transport = new MemoryTransport({ acceptsAtOnce: false });
  const outbox = new Outbox({
    transport,
    budget: new SendBudget(Infinity, () => undefined),
    onDrained: () => undefined,
    onEmpty: () => undefined,
    onAborted: () => undefined,
  });
  const frame = new OutgoingFrame(new Uint8Array(10), [new Float32Array(100)]);
  outbox.send(frame);
  outbox.close();
  expect(frame.receiverCount).toBe(0);
  expect(frame.isInUse).toBe(true);
  for (const { onDrained } of transport.pending) onDrained();
  expect(frame.isInUse).toBe(false);
});

test("a frame that is still arriving is sent as far as it has arrived, blocks later frames, and does not count as a stall", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const transport = new MemoryTransport();
  const onAborted = vi.fn<() => void>();
  const outbox = new Outbox({
    transport,
    budget: new SendBudget(Infinity, () => undefined),
    onDrained: () => undefined,
    onEmpty: () => undefined,
    onAborted,
  });
  const sizes: number[] = [];
  const send = transport.send.bind(transport);
  transport.send = (message, onDrained) => {
    sizes.push(message.byteLength);
    send(message, onDrained);
  };
  // Chunks of 512 KiB, and a remainder.
  const frame = new ArrivingFrame(new Uint8Array(10), [new Uint8Array(2 ** 20 + 7)]);
  outbox.send(frame);
  outbox.send(new OutgoingFrame(new Uint8Array(3)));
  vi.advanceTimersByTime(60_000);
  expect(outbox.stalledMs(performance.now())).toBe(0);
  frame.noteArrived(2 ** 19 + 5);
  expect(sizes).toEqual([10, 2 ** 19]);
  expect(outbox.isMidFrame).toBe(true);
  frame.noteArrived(2 ** 19 - 5);
  frame.noteArrived(7);
  expect(sizes).toEqual([10, 2 ** 19, 2 ** 19, 7, 3]);
  expect(outbox.queuedBytes).toBe(0);
  const other = new ArrivingFrame(new Uint8Array(10), [new Uint8Array(100)]);
  outbox.send(other);
  expect(outbox.isMidFrame).toBe(true);
  other.abort();
  expect(onAborted).toHaveBeenCalledTimes(1);
  vi.useRealTimers();
});
