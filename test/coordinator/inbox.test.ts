import { expect, test } from "vitest";
import { ExcessError, Inbox } from "../../src/coordinator/workers/inbox.js";

const ANSWER_BYTES = 1_000_000;

test("a relay that holds many tasks may answer all of them at once, and not many times over", () => {
  const inbox = new Inbox();
  for (let tasks = 1; tasks <= 16; tasks++) inbox.allow(3, ANSWER_BYTES, tasks);
  // Each may come twice.
  inbox.noteBytes(32 * ANSWER_BYTES);
  expect(() => inbox.noteBytes(8 * ANSWER_BYTES)).toThrow(ExcessError);
});

test("what earlier answers left over does not add up without end", () => {
  const inbox = new Inbox();
  for (let step = 0; step < 100; step++) inbox.allow(3, ANSWER_BYTES);
  expect(() => inbox.noteBytes(6 * ANSWER_BYTES)).toThrow(ExcessError);
});
