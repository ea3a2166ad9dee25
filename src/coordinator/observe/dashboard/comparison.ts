// What the page that compares runs receives of each run: numbers by step, without pictures, moments and traces, bounded however
// long the run is. So it opens at once even for dozens of runs. Pure.
import type { ShownRun } from "./page-files.js";
import type { PageUpdate, PageUpdateOf } from "./page-update.js";

/** More points than a chart has pixels. */
const MAX_POINTS = 2_000;

/** @param run with the updates of one log, in the order of `History.updates` */
export function forComparison({ name, updates }: ShownRun): ShownRun {
  return { name, updates: thinEvaluations(updates.flatMap(shorten)) };
}

/** Evenly spaced evaluations, always including the last. */
function thinEvaluations(updates: readonly PageUpdate[]): PageUpdate[] {
  const count = updates.filter(({ kind }) => kind === "evaluation").length;
  const stride = Math.ceil(count / MAX_POINTS);
  let index = 0;
  return updates.filter(({ kind }) => {
    if (kind !== "evaluation") return true;
    return index++ % stride === 0 || index === count;
  });
}

function shorten(update: PageUpdate): PageUpdate[] {
  switch (update.kind) {
    case "start":
    case "evaluation":
    case "workers":
    case "end":
      return [update];
    case "steps":
      return [averageSteps(update)];
    case "mistakes": {
      const { kind, at, step, testCount, confusion } = update;
      const counts = { ...(testCount ? { testCount } : {}), ...(confusion ? { confusion } : {}) };
      return [{ kind, at, step, ...counts, wrong: [] }];
    }
    case "mark":
    case "trace":
    case "statistics":
    case "scatter":
    case "reset":
      return [];
  }
}

/** Means over blocks of steps, each at the block's last step. */
function averageSteps(update: PageUpdateOf<"steps">): PageUpdateOf<"steps"> {
  const size = Math.ceil(update.steps.length / MAX_POINTS);
  if (size <= 1) return update;
  const count = Math.ceil(update.steps.length / size);
  const blocks = Array.from({ length: count }, (_, block) => block * size);
  const mean = (values: readonly number[]) =>
    blocks.map((from) => meanOf(values.slice(from, from + size)));
  const { steps, losses, durationsMs } = update;
  return {
    ...update,
    steps: blocks.map((from) => steps[Math.min(from + size, steps.length) - 1]!),
    losses: mean(losses),
    durationsMs: mean(durationsMs),
  };
}

/** JSON has no NaN: such a loss is null in a log. The mean of its block becomes NaN, and so null too when it is sent. */
function meanOf(values: readonly (number | null)[]): number {
  const sum = values.reduce<number>((total, value) => total + (value ?? NaN), 0);
  return sum / values.length;
}
