// The results of an experiment as a table for terminals and documents: test accuracy in percent, mean (min–max).
import { isLast } from "./results.mjs";
import { accuracyOf, groupBy, percentText, summarize } from "./statistics.mjs";

/** @typedef {import("./results.mjs").Row} Row */

/** @param {string} experiment @param {readonly Row[]} rows */
export function summaryOf(experiment, rows) {
  const seeds = new Set(rows.map(({ seed }) => seed)).size;
  const last = rows.filter(isLast);
  const table = TABLES[experiment]?.(last, rows) ?? [];
  const diverged = last.filter(({ ended }) => ended === "diverged").length;
  const title = `${experiment}: ${last.length} runs, ${diverged} of which diverged; seeds 0–${seeds - 1}; engine ${last[0]?.engine}`;
  return [title, "", ...table.map((cells) => `| ${cells.join(" | ")} |`), ""].join("\n");
}

/** @type {Record<string, (last: readonly Row[], all: readonly Row[]) => (string | number)[][]>} */
const TABLES = {
  rates: (last) => [
    ...header(["network", "σ", "rate", "steps", "test accuracy, %", "n"]),
    ...settings(last, ({ network, deviation, learningRate, steps }) => [
      ...[network, deviation, learningRate, steps],
    ]),
  ],
  dropout: (last) => [
    ...header(["network", "dropout", "images", "steps", "test accuracy, %", "n"]),
    ...settings(last, ({ network, dropout, trainingImages, steps }) => [
      ...[network, dropout, trainingImages, steps],
    ]),
  ],
  ghost: (last) => [
    ...header(["normalisation", "shards", "steps", "test accuracy, %", "n"]),
    ...settings(last, ({ batchNorm, shards, steps }) => [batchNorm, shards, steps]),
  ],
  steps: (_last, all) => [
    ...header(["networks", "target, %", "plain: rate, step", "normalised: rate, step", "factor"]),
    ...speedRows(all),
  ],
};

/** @param {string[]} names */
const header = (names) => [names, names.map(() => "---")];

/** @param {readonly Row[]} last @param {(row: Row) => (string | number)[]} cellsOf */
function settings(last, cellsOf) {
  const groups = [...groupBy(last, (row) => cellsOf(row).join(" ")).values()];
  const rows = groups.map((group) => {
    const summary = summarize(group.map(accuracyOf));
    const first = /** @type {Row} */ (group[0]);
    return [...cellsOf(first), percentText(summary), summary.count];
  });
  // Runs are written in the order in which they end.
  return rows.toSorted(compareCells);
}

/** @param {readonly (string | number)[]} a @param {readonly (string | number)[]} b of the same length */
function compareCells(a, b) {
  const differs = a.findIndex((cell, index) => cell !== b[index]);
  if (differs < 0) return 0;
  const [one, other] = [a[differs], b[differs]];
  return typeof one === "number" ? one - Number(other) : String(one).localeCompare(String(other));
}

/**
 * How many steps the normalised network needs to reach the best accuracy of the plain one at any learning rate, as in Ioffe and
 * Szegedy, "Batch normalization", 2015, section 4.2.1: at the plain network's rate, and at its own best rate.
 * @param {readonly Row[]} all
 */
function speedRows(all) {
  return /** @type {const} */ (["cnn", "sigmoid"]).flatMap((network) => {
    const plain = curvesOf(all, `${network}-plain`);
    const normalised = curvesOf(all, network);
    const best = plain.toSorted((a, b) => peakOf(b) - peakOf(a))[0];
    if (!best) return [];
    const target = peakOf(best);
    const plainStep = firstReaching(best, target) ?? NaN;
    const fastest = normalised.toSorted(
      (a, b) => (firstReaching(a, target) ?? Infinity) - (firstReaching(b, target) ?? Infinity),
    )[0];
    const same = normalised.find(({ learningRate }) => learningRate === best.learningRate);
    return [same, fastest].flatMap((curve) => {
      if (!curve) return [];
      const step = firstReaching(curve, target);
      const factor = step === undefined ? "not reached" : (plainStep / step).toFixed(1);
      const plainText = `${best.learningRate}, ${plainStep}`;
      const ownText = `${curve.learningRate}, ${step ?? "–"}`;
      return [
        [`${network}-plain, ${network}`, (100 * target).toFixed(2), plainText, ownText, factor],
      ];
    });
  });
}

/** @typedef {{learningRate: number, points: {step: number, accuracy: number}[]}} Curve means over the seeds */

/** @param {readonly Row[]} rows @param {string} network @returns {Curve[]} */
function curvesOf(rows, network) {
  const own = rows.filter((row) => row.network === network);
  return [...groupBy(own, ({ learningRate }) => learningRate)].map(([learningRate, ofRate]) => ({
    learningRate: Number(learningRate),
    points: [...groupBy(ofRate, ({ step }) => step)].map(([step, ofStep]) => ({
      step: Number(step),
      accuracy: summarize(ofStep.map(accuracyOf)).mean,
    })),
  }));
}

/** @param {Curve} curve */
const peakOf = ({ points }) => Math.max(...points.map(({ accuracy }) => accuracy));

/** @param {Curve} curve @param {number} accuracy @returns {number | undefined} the step */
function firstReaching({ points }, accuracy) {
  const reached = points.filter((point) => point.accuracy >= accuracy).map(({ step }) => step);
  return reached.length === 0 ? undefined : Math.min(...reached);
}
