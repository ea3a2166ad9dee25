// An entry's mark, its letter on its colour, which is the same in tables, keys and curves. Also numbers as the page writes them.
import { createElement } from "../dom.js";
import type { Metric } from "./compared-run.js";
import type { Entry } from "./entry.js";

const HUES = ["run-1", "run-2", "run-3", "run-4"] as const;
/** For more entries than there are hues. */
const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [10, 3, 2, 3]];
const THIN_SPACE = "\u202f";
const MINUS = "\u2212";

/** The name of a colour of tokens.css. */
export function hueOf({ index }: Entry): string {
  return HUES[index % HUES.length]!;
}

export function dashOf({ index }: Entry): readonly number[] {
  return DASHES[Math.floor(index / HUES.length) % DASHES.length]!;
}

export function createChip(entry: Entry): HTMLElement {
  const chip = createElement("span", { class: "chip", text: entry.letter });
  chip.style.setProperty("--c", `var(--${hueOf(entry)})`);
  return chip;
}

export function createName(entry: Entry): HTMLElement {
  const count = entry.runs.length;
  const names = entry.runs.map(({ name }) => name).join(", ");
  return createElement("span", { class: "run-name", title: names }, [
    createChip(entry),
    createElement("b", { text: entry.name }),
    ...(count > 1 ? [createElement("span", { class: "quiet", text: `× ${count}` })] : []),
  ]);
}

export function percentText(ratio: number, digits = 2): string {
  return `${(100 * ratio).toFixed(digits)}${THIN_SPACE}%`;
}

export function metricText(value: number, metric: Metric): string {
  return metric === "accuracy" ? percentText(value) : lossText(value);
}

/** In percentage points, or in units of the loss. */
export function differenceText(difference: number, metric: Metric): string {
  const size = Math.abs(difference);
  const text = metric === "accuracy" ? (100 * size).toFixed(2) : lossText(size);
  return `${difference < 0 ? MINUS : "+"}${text}`;
}

export function deviationText(deviation: number, metric: Metric): string {
  return `± ${metric === "accuracy" ? (100 * deviation).toFixed(2) : lossText(deviation)}`;
}

export function lossText(value: number): string {
  return Math.abs(value) >= 1000 ? value.toExponential(2) : value.toFixed(4);
}

export function integerText(value: number): string {
  return Math.round(value).toLocaleString("en");
}
