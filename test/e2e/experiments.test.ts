// The experiments' script on tiny runs: an interrupted grid continues, a diverged run counts as a result, and the plots show all runs.
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, test } from "vitest";
import { EXPERIMENTS, type Run, runsOf } from "../../scripts/experiments/grid.mjs";
import { isLast, keyOf, ResultsFile } from "../../scripts/experiments/results.mjs";
import { trainAll } from "../../scripts/experiments/trainers.mjs";
import { temporaryFolder } from "../support/data.js";

const SCRIPT = fileURLToPath(new URL("../../scripts/experiments.mjs", import.meta.url));

const TINY: Run = {
  experiment: "rates",
  network: "sigmoid",
  deviation: 0.1,
  learningRate: 1e-3,
  dropout: 0,
  batchNorm: "ghost",
  shards: 1,
  trainingImages: 55_000,
  steps: 4,
  evalEvery: 2,
  seed: 0,
};

let folder: string;
let results: ResultsFile;

beforeEach(() => {
  folder = temporaryFolder();
  results = new ResultsFile(join(folder, "rates.csv"), "rates");
});

/** @param stopAfter runs, as if the script had been killed then */
async function train(runs: readonly Run[], stopAfter = Infinity): Promise<void> {
  const finished = results.finishedRuns();
  const missing = runs.filter((run) => !finished.has(keyOf(run)));
  let count = 0;
  await trainAll(missing, 1, (run, outcome) => {
    if (count++ === stopAfter) throw new Error("cut off");
    results.append(run, outcome);
  });
}

const SLOW = { timeout: 180_000 };

test("an interrupted grid continues with the missing runs", SLOW, async () => {
  const runs = [TINY, { ...TINY, seed: 1 }, { ...TINY, network: "sigmoid-plain" as const }];
  await expect(train(runs, 1)).rejects.toThrow("cut off");
  const first = readFileSync(results.path, "utf8");
  expect(results.read().map(({ seed, step }) => [seed, step])).toEqual([
    [0, 0],
    [0, 2],
    [0, 4],
  ]);
  // Of the run that was being written.
  appendFileSync(results.path, `${keyOf(runs[1]!)},wasm,finished,0,0.1,0.1,2.3\n0.1,sigm`);
  await train(runs);
  const text = readFileSync(results.path, "utf8");
  expect(text.startsWith(first)).toBe(true);
  expect(results.read().filter(isLast).map(keyOf)).toEqual(runs.map(keyOf));
  expect(text.split("\n")).toHaveLength(1 + 3 * runs.length + 1);
  await train(runs);
  expect(readFileSync(results.path, "utf8")).toBe(text);
});

test("a run that diverges is a result, and is not trained again", async () => {
  const run = { ...TINY, network: "cnn-plain" as const, deviation: 1e6, learningRate: 1e6 };
  await train([run]);
  const last = results.read().at(-1);
  expect(last).toMatchObject({ ended: "diverged", step: NaN, testAccuracy: NaN });
  expect(results.finishedRuns()).toEqual(new Set([keyOf(run)]));
});

test.each(EXPERIMENTS)("%s: results become a table and a plot", (experiment) => {
  const file = new ResultsFile(join(folder, `${experiment}.csv`), experiment);
  const runs = runsOf(experiment, true);
  expect(new Set(runs.map(keyOf)).size).toBe(runs.length);
  for (const [index, run] of runs.entries()) {
    const testAccuracy = 0.5 + index / (4 * runs.length);
    const evaluation = { step: run.steps, trainAccuracy: undefined, testAccuracy, testLoss: 1 };
    file.append(run, { ended: "finished", engine: "wasm", evaluations: [evaluation] });
  }
  const args = [SCRIPT, "--plots", "--only", experiment, "--output", folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).toContain(`${experiment}.svg`);
  expect(status).toBe(0);
  expect(stdout).toContain(`${experiment}: ${runs.length} runs, 0 of which diverged`);
  const svg = readFileSync(join(folder, `${experiment}.svg`), "utf8");
  expect(svg.includes("prefers-color-scheme:dark")).toBe(true);
  expect(/>test (accuracy|error), %</.test(svg)).toBe(true);
});

test("an experiment that does not exist is refused with the list", () => {
  const args = [SCRIPT, "--only", "nothing"];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toContain(EXPERIMENTS.join(", "));
});
