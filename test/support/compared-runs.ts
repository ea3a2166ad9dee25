// Finished runs for tests of the page that compares them, with curves that follow from their settings.
import type { ShownRun } from "../../src/coordinator/observe/dashboard/page-files.js";
import type { PageUpdate } from "../../src/coordinator/observe/dashboard/page-update.js";
import { runSettings } from "../../src/coordinator/observe/dashboard/run-settings.js";
import { describeRun } from "../../src/coordinator/observe/run-description.js";
import type { RunConfig } from "../../src/shared/config.js";
import { configOf } from "./config.js";

export interface CurveOptions {
  name: string;
  config?: Partial<RunConfig>;
  steps?: number;
  /** At the end; it rises to it from 0. */
  accuracy?: number;
  testCount?: number;
  msPerStep?: number;
}

/** As a log holds it: an evaluation every tenth of the run. */
export function finishedRun(options: CurveOptions): ShownRun {
  const { name, steps = 100, accuracy = 0.9, testCount = 1000, msPerStep = 10 } = options;
  const config = configOf(options.config);
  const numbers = Array.from({ length: steps }, (_, step) => step);
  const start: PageUpdate = {
    kind: "start",
    at: 0,
    description: describeRun(config),
    settings: runSettings(config),
    step: 0,
    steps,
    broadcast: "weights",
    parameterCount: 10,
  };
  const trained: PageUpdate = {
    kind: "steps",
    at: 0,
    steps: numbers,
    losses: numbers.map((step) => 2 / (1 + step)),
    durationsMs: numbers.map(() => msPerStep),
  };
  const evaluations = Array.from({ length: 11 }, (_, tenth): PageUpdate => {
    const step = Math.floor((tenth * steps) / 10);
    return { kind: "evaluation", at: 0, step, testAccuracy: (accuracy * tenth) / 10, testLoss: 1 };
  });
  const correct = Math.round((accuracy * testCount) / 2);
  const wrong = testCount / 2 - correct;
  const confusion = [
    [correct, wrong],
    [wrong, correct],
  ];
  const mistakes: PageUpdate = {
    kind: "mistakes",
    at: 0,
    step: steps,
    testCount,
    confusion,
    wrong: [],
  };
  const end: PageUpdate = { kind: "end", at: 0, step: steps, testAccuracy: accuracy, testLoss: 1 };
  return { name, updates: [start, trained, ...evaluations, mistakes, end] };
}

/** As logs were before runs had an engine, and settings of their own in the log. */
export function withoutEngine({ name, updates }: ShownRun): ShownRun {
  return {
    name,
    updates: updates.map((update) => {
      if (update.kind !== "start") return update;
      const description = { ...update.description, engine: undefined, engineName: undefined };
      // Through JSON, which has no undefined, as a log is.
      return JSON.parse(
        JSON.stringify({ ...update, settings: undefined, description }),
      ) as PageUpdate;
    }),
  };
}
