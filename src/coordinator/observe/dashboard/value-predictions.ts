// Predicted values of the test set as a page update: some predicted and true values for a scatter plot, how well each value is
// predicted, and the worst predicted samples. Pure.
import type { RunEvent } from "../../../shared/run-event.js";
import type { RunDescription } from "../run-description.js";
import { roundNumber } from "./input-columns.js";
import { packFloats, sampleEvenly } from "./packed.js";
import type { OutputMetrics, PageUpdateOf } from "./page-update.js";
import { hasInputs, type SamplePlace, type ShownSamples } from "./shown-samples.js";

const MAX_POINTS = 500;
/** Values per sample between which the scatter plot offers a choice. */
const MAX_VALUES = 8;
const MAX_WORST = 24;

type Predictions = RunEvent & { event: "predictions" };

interface Outcome extends SamplePlace {
  /** The first values of each. */
  targets: number[];
  predictions: number[];
}

export function scatterOf(
  event: Predictions,
  { loss, target }: RunDescription,
  shown: ShownSamples,
  at: number,
): PageUpdateOf<"scatter"> {
  const valueCount = Math.min(target.count, MAX_VALUES);
  // With this loss the network's outputs are logits.
  const toValue = loss === "binary-cross-entropy" ? sigmoid : (value: number) => value;
  const outcomes = outcomesOf(event, target.count, valueCount, toValue);
  const points = sampleEvenly(outcomes, MAX_POINTS);
  const metrics = Array.from({ length: valueCount }, (_, value) => metricsOf(outcomes, value));
  const { picture, columnNames } = shown;
  return {
    kind: "scatter",
    at,
    step: event.step,
    valueCount,
    targets: packFloats(points.flatMap(({ targets }) => targets)),
    predictions: packFloats(points.flatMap(({ predictions }) => predictions)),
    testCount: outcomes.length,
    metrics: metrics.map(({ r2, rmse, mae }) => ({ r2, rmse, mae })),
    ...(picture ? { picture } : {}),
    ...(columnNames ? { columns: columnNames } : {}),
    worst: worstOf(outcomes, metrics, Math.min(MAX_WORST, shown.maxCount)).map((outcome) => ({
      ...shown.show(outcome),
      targets: outcome.targets.map(roundNumber),
      predictions: outcome.predictions.map(roundNumber),
    })),
  };
}

function outcomesOf(
  { predictions, samples }: Predictions,
  targetSize: number,
  valueCount: number,
  toValue: (output: number) => number,
): Outcome[] {
  let first = 0;
  return samples.flatMap((batch, index) => {
    const outputs = predictions[index] ?? [];
    const size = outputs.length / batch.count;
    const from = first;
    first += batch.count;
    return Array.from({ length: batch.count }, (_, row): Outcome => {
      const targets = batch.targets.subarray(row * targetSize, row * targetSize + valueCount);
      const values = outputs.slice(row * size, row * size + valueCount);
      const predicted = Array.from(values, toValue);
      return { batch, row, index: from + row, targets: [...targets], predictions: predicted };
    });
  });
}

/** Also returns the variance of the true values. */
function metricsOf(
  outcomes: readonly Outcome[],
  value: number,
): OutputMetrics & { variance: number } {
  const count = outcomes.length;
  const mean = outcomes.reduce((sum, { targets }) => sum + targets[value]!, 0) / count;
  let [squares, absolutes, total] = [0, 0, 0];
  for (const { targets, predictions } of outcomes) {
    const error = predictions[value]! - targets[value]!;
    squares += error * error;
    absolutes += Math.abs(error);
    total += (targets[value]! - mean) ** 2;
  }
  return {
    r2: total > 0 ? roundNumber(1 - squares / total) : null,
    rmse: roundNumber(Math.sqrt(squares / count)),
    mae: roundNumber(absolutes / count),
    variance: total / count,
  };
}

/** Those with the largest sum of squared errors, each divided by its value's variance so that units do not matter. */
function worstOf(
  outcomes: readonly Outcome[],
  metrics: readonly { variance: number }[],
  count: number,
): Outcome[] {
  const errorOf = ({ targets, predictions }: Outcome) => {
    return metrics.reduce((sum, { variance }, value) => {
      return sum + (predictions[value]! - targets[value]!) ** 2 / (variance || 1);
    }, 0);
  };
  return outcomes
    .filter(({ batch }) => hasInputs(batch))
    .map((outcome) => ({ outcome, error: errorOf(outcome) }))
    .sort((a, b) => b.error - a.error)
    .slice(0, count)
    .map(({ outcome }) => outcome);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
