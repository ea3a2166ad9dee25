// Tests what is claimed of batch normalisation: trains the networks of scripts/experiments/grid.mjs with and without it, writes
// the results as CSV and draws them. If this script was interrupted, it continues where it stopped.
//   npm run experiments [-- --quick] [--only NAME] [--jobs N] [--plots]
// --quick: a tenth of the steps and one seed, takes minutes; writes to summary/experiments. --plots: draws existing results only.
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXPERIMENTS, runsOf } from "./experiments/grid.mjs";
import { drawPlots } from "./experiments/plots.mjs";
import { keyOf, ResultsFile } from "./experiments/results.mjs";
import { summaryOf } from "./experiments/summary.mjs";
import { trainAll } from "./experiments/trainers.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    jobs: { type: "string", default: `${availableParallelism()}` },
    plots: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const root = join(import.meta.dirname, "..");
const quickFolder = options.quick ? join(root, "summary/experiments") : undefined;
const folder = options.output ?? quickFolder;
const resultsFolder = folder ?? join(root, "docs/experiments");
const imageFolder = folder ?? join(root, "docs/images/experiments");

const names = options.only === undefined ? EXPERIMENTS : [options.only];
const unknown = names.find((name) => !EXPERIMENTS.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`--only ${unknown}: it must be one of ${EXPERIMENTS.join(", ")}.\n`);
  process.exit(2);
}

const files = new Map(
  names.map((name) => [name, new ResultsFile(join(resultsFolder, `${name}.csv`), name)]),
);
if (!options.plots) await trainMissing();
mkdirSync(imageFolder, { recursive: true });
for (const [name, file] of files) {
  const rows = file.read();
  if (rows.length === 0) continue;
  for (const { file: image, svg } of await drawPlots(name, rows)) {
    writeFileSync(join(imageFolder, image), svg);
    process.stderr.write(`${join(imageFolder, image)}\n`);
  }
  process.stdout.write(`${summaryOf(name, rows)}\n`);
}

async function trainMissing() {
  const runs = [...files].flatMap(([name, file]) => {
    const finished = file.finishedRuns();
    return runsOf(name, options.quick).filter((run) => !finished.has(keyOf(run)));
  });
  const all = names.flatMap((name) => runsOf(name, options.quick)).length;
  let done = all - runs.length;
  if (done > 0) process.stderr.write(`${done} of ${all} runs are there already\n`);
  const jobs = Math.min(Number(options.jobs), runs.length);
  await trainAll(runs, jobs, (run, outcome, seconds) => {
    files.get(run.experiment)?.append(run, outcome);
    done++;
    const accuracy =
      outcome.ended === "diverged" ? "diverged" : outcome.evaluations.at(-1)?.testAccuracy;
    process.stderr.write(
      `${done}/${all} ${run.experiment}: ${keyOf(run)}: ${accuracy} (${seconds.toFixed(1)} s)\n`,
    );
  });
}
