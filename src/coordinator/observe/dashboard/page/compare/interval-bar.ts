// The interval of an entry's last evaluation as a bar with a dot, on the same axis in all rows.
import { createElement } from "../dom.js";
import type { Metric } from "./compared-run.js";
import { type Entry, entrySpread, metricInterval } from "./entry.js";
import type { Interval } from "./interval.js";
import { hueOf, percentText } from "./run-mark.js";
import { ticksBetween } from "../ticks.js";

/** The axis. Runs far below the best one are outside it. */
export type IntervalScale = Interval;

const MARGIN = 0.08;
/** The axis spans this multiple of the best run's error. */
const MAX_ERRORS = 8;

/** @returns undefined if no entry has an interval */
export function scaleOf(intervals: readonly Interval[], metric: Metric): IntervalScale | undefined {
  if (intervals.length === 0) return undefined;
  const low = Math.min(...intervals.map((interval) => interval.low));
  const high = Math.max(...intervals.map((interval) => interval.high));
  const best = metric === "accuracy" ? 1 - high : low;
  const span = Math.min(high - low, Math.max(MAX_ERRORS * best, 0.02 * high)) || 0.01;
  const [from, to] = metric === "accuracy" ? [high - span, high] : [low, low + span];
  return { low: from - MARGIN * span, high: to + MARGIN * span };
}

/** The axis labels, for the column's head. */
export function createScaleLabels(scale: IntervalScale, metric: Metric): HTMLElement {
  const ticks = ticksBetween(scale.low, scale.high, 3);
  const digits = (scale.high - scale.low) * 100 < 4 ? 1 : 0;
  const labels = ticks.map((tick) => {
    const text = metric === "accuracy" ? percentText(tick, digits) : String(tick);
    const label = createElement("i", { text });
    label.style.left = `${shareOf(tick, scale)}%`;
    return label;
  });
  const element = createElement("span", { class: "scale" }, labels);
  element.ariaHidden = "true";
  return element;
}

export function createIntervalBar(entry: Entry, scale: IntervalScale | undefined): HTMLElement {
  const interval = metricInterval(entry);
  const mean = entrySpread(entry, ({ final }) => final)?.mean;
  const line = createElement("span");
  const cell = createElement("td", { class: "interval" }, [line]);
  if (!scale || mean === undefined) return cell;
  const [from, to] = [interval?.low ?? mean, interval?.high ?? mean];
  const clamp = (value: number) => Math.min(100, Math.max(0, shareOf(value, scale)));
  line.style.setProperty("--c", `var(--${hueOf(entry)})`);
  if (to >= scale.low && from <= scale.high) {
    const bar = createElement("i");
    bar.style.setProperty("--from", `${clamp(from)}%`);
    bar.style.setProperty("--width", `${clamp(to) - clamp(from)}%`);
    line.append(bar);
  }
  const isOutside = mean < scale.low || mean > scale.high;
  const mark = createElement("b", { class: isOutside ? "outside" : "dot" });
  if (isOutside) mark.textContent = mean < scale.low ? "‹" : "›";
  mark.style.setProperty("--at", `${clamp(mean)}%`);
  line.append(mark);
  return cell;
}

function shareOf(value: number, { low, high }: IntervalScale): number {
  return (100 * (value - low)) / (high - low);
}
