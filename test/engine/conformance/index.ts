// What every engine must do: results of ops, effects on variables, and the guarantees of sessions.
import { describe } from "vitest";
import { testEffects } from "./effects.js";
import { testOps } from "./ops.js";
import { testSessions } from "./sessions.js";
import type { Subject } from "./subject.js";

export function describeConformance(subject: Subject): void {
  describe(`${subject.name}: ops`, () => testOps(subject));
  describe(`${subject.name}: effects`, () => testEffects(subject));
  describe(`${subject.name}: sessions`, () => testSessions(subject));
}
