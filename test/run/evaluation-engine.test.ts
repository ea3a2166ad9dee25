// The engine that evaluates a checkpoint: its own if it is installed, another if requested or if its own is missing.
import { expect, test } from "vitest";
import { chooseEvaluationEngine } from "../../src/run/evaluation-engine.js";
import { configOf } from "../support/config.js";

const tensorflow = configOf({ engine: { name: "tensorflow", threads: 3 } });
const wasm = configOf({ engine: { name: "wasm" } });

test("its own, with its threads, whether or not it is requested", () => {
  for (const requested of [undefined, "tensorflow"] as const) {
    expect(chooseEvaluationEngine(tensorflow, requested, true)).toEqual({
      engine: tensorflow.engine,
    });
  }
  expect(chooseEvaluationEngine(wasm, undefined, true)).toEqual({ engine: wasm.engine });
  expect(chooseEvaluationEngine(wasm, "wasm", false)).toEqual({ engine: wasm.engine });
});

test("the one that is requested", () => {
  expect(chooseEvaluationEngine(tensorflow, "wasm", true)).toEqual({ engine: { name: "wasm" } });
  expect(chooseEvaluationEngine(wasm, "tensorflow", true)).toEqual({
    engine: { name: "tensorflow", threads: 1 },
  });
});

test("wasm, with a note, if its own is tensorflow and that is not installed", () => {
  const { engine, note } = chooseEvaluationEngine(tensorflow, undefined, false);
  expect(engine).toEqual({ name: "wasm" });
  expect(note).toMatch(/tensorflow.*not installed here.*wasm.*last bits/);
});
