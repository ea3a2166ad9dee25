// What every engine must do: the ops' results, effects on variables, and what sessions promise.
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
