// The four most important numbers: does it learn (the test set's metric and the loss), how fast, and with how many workers.
import { byId, formatCount, formatNumber, formatPercent } from "./dom.js";
import type { Run } from "./run.js";
import { smooth } from "./series.js";

/** The loss is shown smoothed. */
const SMOOTHING = 0.95;
const SMOOTHED_STEPS = 400;

export function showNumbers(run: Run): void {
  if (run.metricName === "accuracy") showAccuracy(run);
  else showTestLoss(run);
  showLoss(run);
  showRate(run);
  showWorkerCount(run);
}

function set(id: string, text: string): void {
  const element = byId(id, HTMLElement);
  if (element.textContent !== text) element.textContent = text;
}

function showAccuracy({ testMetric, end }: Run): void {
  const value = end?.testAccuracy ?? testMetric.values.at(-1);
  set("metric-name", "Test accuracy");
  set("metric", value === undefined ? "–" : (100 * value).toFixed(2));
  set("metric-unit", value === undefined ? "" : "%");
  const best = bestOf(testMetric, Math.max);
  set(
    "metric-note",
    best ? `best ${formatPercent(best.value)} at ${formatCount(best.step)}` : "no evaluation yet",
  );
}

function showTestLoss({ testMetric, end, scatter }: Run): void {
  const value = end?.testLoss ?? testMetric.values.at(-1);
  set("metric-name", "Test loss");
  set("metric", formatNumber(value));
  set("metric-unit", "");
  const r2 = scatter?.metrics?.length === 1 ? scatter.metrics[0]?.r2 : undefined;
  const best = bestOf(testMetric, Math.min);
  const note = best
    ? `best ${formatNumber(best.value)} at ${formatCount(best.step)}`
    : "no evaluation yet";
  set("metric-note", typeof r2 === "number" ? `R² ${r2.toFixed(3)}, ${note}` : note);
}

function showLoss({ loss }: Run): void {
  const last = {
    steps: loss.steps.slice(-SMOOTHED_STEPS),
    values: loss.values.slice(-SMOOTHED_STEPS),
  };
  set("loss-now", formatNumber(smooth(last, SMOOTHING).values.at(-1), 3));
  set(
    "loss-note",
    last.values.length === 0 ? "" : `last step ${formatNumber(last.values.at(-1), 3)}`,
  );
}

function showRate({ pace, batchSize }: Run): void {
  set("rate-now", pace === 0 ? "–" : formatCount(pace * batchSize));
  set("rate-note", pace === 0 ? "" : `${formatNumber(1000 / pace, 3)} ms per step`);
}

function showWorkerCount({ workers, end }: Run): void {
  const count = workers.filter(({ state }) => state === "working").length;
  const lost = workers.filter(({ state }) => state === "left").length;
  // A run in a single process has no rows of workers.
  set("alive", workers.length === 0 ? "–" : String(count));
  set("alive-unit", workers.length > count ? `of ${workers.length}` : "");
  const note = byId("alive-note", HTMLElement);
  note.classList.toggle("bad", lost > 0 && !end);
  set("alive-note", lost > 0 && !end ? `${lost} lost` : "");
}

function bestOf(
  { steps, values }: { steps: number[]; values: number[] },
  pick: (a: number, b: number) => number,
): { step: number; value: number } | undefined {
  const value = values.reduce<number | undefined>((best, each) => {
    return best === undefined ? each : pick(best, each);
  }, undefined);
  return value === undefined ? undefined : { value, step: steps[values.indexOf(value)]! };
}
