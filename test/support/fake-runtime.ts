// A runtime that answers everything without computing, for tests of the code around it.
import type { Runtime } from "../../src/worker/runtime.js";

export function fakeRuntime(): Runtime {
  return {
    numerics: "0".repeat(64),
    fits: () => true,
    tailPlaces: () => [],
    takeState: () => undefined,
    takeUpdate: () => undefined,
    takeFactors: () => undefined,
    takeMerged: () => undefined,
    endTasks: () => undefined,
    digest: () => ({ type: "digest", step: 1, weights: 7 }),
    compute: ({ task }, _parts, send) =>
      send({
        message: { type: "evaluated", task, lossSum: 0, computed: { from: 0, to: 1 } },
        parts: [],
      }),
  };
}
