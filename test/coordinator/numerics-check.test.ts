// Which fingerprints may take part in a run, and from which step it counts as mixed.
import { expect, test } from "vitest";
import { NumericsCheck } from "../../src/coordinator/workers/numerics-check.js";
import { Events } from "../../src/shared/events.js";
import { mismatchSentence } from "../../src/shared/numerics-mismatch.js";
import { closeCodes } from "../../src/shared/protocol/close-codes.js";
import type { RunEvent } from "../../src/shared/run-event.js";
import { configOf } from "../support/config.js";

const OTHER = "f".repeat(64);

function checkOf(options: { isMixedAllowed?: boolean; mixedSince?: number } = {}) {
  const config = configOf({ engine: { name: "tensorflow", threads: 1 } });
  const events = new Events();
  const emitted: RunEvent[] = [];
  events.add({ handle: (event) => void emitted.push(event) });
  const now = { step: 0 };
  const check = new NumericsCheck({
    ...{ config, events, isMixedAllowed: false, step: () => now.step },
    ...options,
  });
  return { check, config, emitted, now };
}

test("a worker with the run's numerics does not mark the run", () => {
  const { check, config, emitted } = checkOf();
  expect(check.refusal(config.numerics)).toBeUndefined();
  check.noteCoordinator(config.numerics);
  check.noteWorker("w", config.numerics);
  expect([check.mixedSince, emitted]).toEqual([undefined, []]);
});

test("a different one is refused, which does not count towards a ban", () => {
  const { check } = checkOf();
  expect(check.refusal(OTHER)).toMatchObject({ code: closeCodes.otherNumerics, isFailure: false });
});

test("the run is mixed from the first step in which one of them takes part", () => {
  const { check, emitted, now } = checkOf({ isMixedAllowed: true });
  expect(check.refusal(OTHER)).toBeUndefined();
  now.step = 7;
  check.noteWorker("a", OTHER);
  now.step = 9;
  check.noteWorker("b", OTHER);
  expect(check.mixedSince).toBe(7);
  expect(emitted).toEqual([
    { event: "mixed-numerics", since: 7, worker: "a", numerics: OTHER },
    { event: "mixed-numerics", since: 9, worker: "b", numerics: OTHER },
  ]);
});

test("a run that was mixed before it is resumed stays mixed, and reports it again", () => {
  const { check, config, emitted, now } = checkOf({ mixedSince: 3 });
  now.step = 20;
  check.noteCoordinator(config.numerics);
  expect(check.mixedSince).toBe(3);
  expect(emitted).toEqual([{ event: "mixed-numerics", since: 3 }]);
});

test("a coordinator with different numerics makes the run mixed", () => {
  const { check, emitted, now } = checkOf({ isMixedAllowed: true });
  now.step = 5;
  check.noteCoordinator(OTHER);
  expect(check.mixedSince).toBe(5);
  expect(emitted).toEqual([{ event: "mixed-numerics", since: 5, numerics: OTHER }]);
});

test("the advice in the message depends on the run's engine", () => {
  const { config } = checkOf();
  expect(mismatchSentence(config, OTHER)).toMatch(/start the run with --engine wasm$/);
  // wasm gives the same bits everywhere; only another version can differ.
  expect(mismatchSentence({ ...config, engine: { name: "wasm" } }, OTHER)).toMatch(
    /use one version of Tandem$/,
  );
});
