import { expect, test } from "vitest";
import { Conduct } from "../../src/coordinator/conduct.js";

const LIMITS = { maxFailures: 3, windowMs: 1000, leaveOutMs: 500 };

test("three failures within the window leave a peer out, and only for a while", () => {
  const conduct = new Conduct(LIMITS);
  conduct.noteFailure("a", 0);
  conduct.noteFailure("a", 10);
  expect(conduct.leftOutMs("a", 20)).toBe(0);
  conduct.noteFailure("a", 20);
  expect(conduct.leftOutMs("a", 20)).toBe(500);
  expect(conduct.leftOutMs("b", 20)).toBe(0);
  expect(conduct.leftOutMs("a", 520)).toBe(0);
});

test("failures that lie far apart do not add up", () => {
  const conduct = new Conduct(LIMITS);
  for (let time = 0; time < 20_000; time += 900) conduct.noteFailure("a", time);
  expect(conduct.leftOutMs("a", 20_000)).toBe(0);
});

test("who computes wrongly is out for good", () => {
  const conduct = new Conduct(LIMITS);
  conduct.putOut("liar");
  expect(conduct.leftOutMs("liar", 1e12)).toBe(Infinity);
});

test("made-up names do not fill the memory", () => {
  const conduct = new Conduct(LIMITS);
  for (let number = 0; number < 20_000; number++) conduct.noteFailure(`peer-${number}`, 0);
  expect(conduct.peerCount).toBeLessThanOrEqual(4096);
});
