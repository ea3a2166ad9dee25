import { expect, test } from "vitest";
import { Outbox, SendBudget } from "../../src/coordinator/workers/outbox.js";
import { OutgoingFrame } from "../../src/shared/protocol/channel.js";
import { MemoryTransport } from "../support/memory-transport.js";

test("memory that a connection being closed may still send from is not free", () => {
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
