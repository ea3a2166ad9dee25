import { expect, test } from "vitest";
import { ExcessError, Inbox } from "../../src/coordinator/workers/inbox.js";

const ANSWER_BYTES = 1_000_000;

test("a relay that holds many tasks may answer all of them at once, but not many times", () => {
  const inbox = new Inbox();
  for (let tasks = 1; tasks <= 16; tasks++) inbox.allow(3, ANSWER_BYTES, tasks);
  // Each may be sent twice.
  inbox.noteBytes(32 * ANSWER_BYTES);
  expect(() => inbox.noteBytes(8 * ANSWER_BYTES)).toThrow(ExcessError);
});

test("unused allowances of earlier answers do not accumulate without limit", () => {
  const inbox = new Inbox();
  for (let step = 0; step < 100; step++) inbox.allow(3, ANSWER_BYTES);
  expect(() => inbox.noteBytes(6 * ANSWER_BYTES)).toThrow(ExcessError);
});
