// Accuracy, loss and throughput of the chosen entries, by step or by time, on linear or logarithmic axes.
import { byId, createElement, onThemeChange } from "../dom.js";
import type { Series } from "../series.js";
import { type AxisOptions, CompareChart, type Line } from "./compare-chart.js";
import type { ComparedRun } from "./compared-run.js";
import { commonMetric, type Entry, entrySpread, isAtChance, isBetter } from "./entry.js";
import { entrySeries, secondsAt, smoothOver, valueAt } from "./entry-series.js";
import { createName, hueOf, integerText, metricText, percentText } from "./run-mark.js";
import { chosenOf, onChoice } from "./segments.js";

/** More curves are shown only on request. */
const SHOWN_FIRST = 8;
const MINUTES_FROM_SECONDS = 180;
/** Accuracies at which the axis may begin. */
const FLOORS = [0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0];

export class CurvesPanel {
  private readonly key = byId("runs-key", HTMLElement);
  private readonly smoothing = byId("smoothing", HTMLInputElement);
  private readonly narrow = matchMedia("(max-width: 699px)");
  private readonly charts: readonly [CompareChart, CompareChart];
  private entries: readonly Entry[] = [];
  private readonly shown = new Set<Entry>();
  /** The values in the key are read from it. */
  private metricLines: readonly Line[] = [];

  constructor() {
    const onCursor = (x: number | undefined) => this.moveCursor(x);
    this.charts = [
      new CompareChart(byId("accuracy", HTMLElement), onCursor),
      new CompareChart(byId("loss", HTMLElement), onCursor),
    ];
    const redraw = () => this.redraw();
    for (const name of ["by", "range", "right", "loss-axis"]) onChoice(name, redraw);
    this.smoothing.addEventListener("input", redraw);
    this.narrow.addEventListener("change", redraw);
    byId("show-all", HTMLButtonElement).addEventListener("click", () => this.toggleAll());
    onThemeChange(redraw);
  }

  /** If there are many entries, only the best ones are shown at first. */
  show(entries: readonly Entry[]): void {
    this.entries = entries;
    this.shown.clear();
    const metric = commonMetric(entries.flatMap(({ runs }) => runs));
    const ranked = [...entries].sort((a, b) => {
      const [x, y] = [a, b].map((entry) => entrySpread(entry, ({ final }) => final)?.mean);
      if (x === undefined || y === undefined)
        return Number(x === undefined) - Number(y === undefined);
      return x === y ? 0 : isBetter(metric, x, y) ? -1 : 1;
    });
    for (const entry of ranked.slice(0, SHOWN_FIRST)) this.shown.add(entry);
    byId("show-all", HTMLElement).hidden = entries.length <= SHOWN_FIRST;
    this.smoothing.value = String(smoothingFor(entries));
    this.key.replaceChildren(...entries.map((entry) => this.createToggle(entry)));
    this.redraw();
  }

  private createToggle(entry: Entry): HTMLElement {
    const box = createElement("input");
    box.type = "checkbox";
    box.checked = this.shown.has(entry);
    box.addEventListener("change", () => {
      if (box.checked) this.shown.add(entry);
      else this.shown.delete(entry);
      this.redraw();
    });
    const value = createElement("b", { class: "value" });
    const label = createElement("label", {}, [box, createName(entry), value]);
    label.style.setProperty("--c", `var(--${hueOf(entry)})`);
    return label;
  }

  private toggleAll(): void {
    const all = this.shown.size < this.entries.length;
    this.shown.clear();
    if (all) for (const entry of this.entries) this.shown.add(entry);
    for (const box of this.key.querySelectorAll("input")) box.checked = all;
    this.redraw();
  }

  private redraw(): void {
    const smoothSteps = Math.round(10 ** Number(this.smoothing.value));
    byId("smoothing-text", HTMLElement).textContent = `${integerText(smoothSteps)} steps`;
    byId("show-all", HTMLElement).textContent =
      this.shown.size < this.entries.length ? `Show all ${this.entries.length}` : "Show none";
    const shown = this.entries.filter((entry) => this.shown.has(entry));
    const runs = this.entries.flatMap((entry) => entry.runs);
    const metric = commonMetric(runs);
    this.showMetric(shown, metric);
    this.showRight(shown, smoothSteps);
    this.showKey(undefined);
  }

  private showMetric(shown: readonly Entry[], metric: ReturnType<typeof commonMetric>): void {
    const isAccuracy = metric === "accuracy";
    byId("metric-title", HTMLElement).textContent = isAccuracy ? "Test accuracy" : "Test loss";
    byId("range", HTMLElement).hidden = !isAccuracy;
    const floor = floorOf(shown);
    const top = byId("range-top", HTMLElement);
    top.textContent = top.dataset["text"] = `${100 * floor}–100 %`;
    // A floor of 0 is already the whole range.
    byId("range-all", HTMLElement).hidden = floor === 0 && chosenOf("range") !== "all";
    const isError = isAccuracy && chosenOf("range") === "error";
    const lines = this.linesOf(
      shown.map((entry) => ({ ...entry, runs: entry.runs.filter((run) => run.metric === metric) })),
      ({ evaluations }) => (isError ? errorsOf(evaluations) : evaluations),
    );
    this.metricLines = isError
      ? lines.map((line) => ({ ...line, y: line.y.map((error) => 1 - error) }))
      : lines;
    const isLog = isError || (!isAccuracy && chosenOf("loss-axis") === "log");
    const fixed = chosenOf("range") === "top" ? ([floor, 1] as const) : ([0, 1] as const);
    const range = isAccuracy && !isError ? fixed : rangeOf(lines, isLog);
    const text = isAccuracy ? axisPercent : axisNumber;
    this.charts[0].show({
      lines,
      x: this.xAxis(),
      y: { range, isLog, text },
      isNarrow: this.narrow.matches,
    });
  }

  private showRight(shown: readonly Entry[], smoothSteps: number): void {
    const isRate = chosenOf("right") === "rate";
    const lines = this.linesOf(shown, (run) =>
      isRate ? run.rates : smoothOver(run.loss, smoothSteps),
    );
    const isLog = chosenOf("loss-axis") === "log";
    byId("right-title", HTMLElement).textContent = isRate ? "Samples per second" : "Loss";
    const range = rangeOf(lines, isLog);
    this.charts[1].show({
      lines,
      x: this.xAxis(),
      y: { range: isLog ? range : [0, range[1]], isLog, text: axisNumber },
      isNarrow: this.narrow.matches,
    });
  }

  private linesOf(shown: readonly Entry[], seriesOf: (run: ComparedRun) => Series): Line[] {
    const by = chosenOf("by");
    return shown.map((entry) => {
      const { steps, means, lows, highs } = entrySeries(entry, seriesOf);
      // A logarithmic axis cannot show step 0.
      const kept = steps.map((step, index) => (by === "log" && step < 1 ? -1 : index));
      const indices = kept.filter((index) => index >= 0);
      const pick = (values: readonly number[]) => indices.map((index) => values[index]!);
      const x = pick(steps).map((step) => (by === "time" ? secondsAt(entry, step) : step));
      const band = lows && highs ? { lows: pick(lows), highs: pick(highs) } : undefined;
      return { entry, x, y: pick(means), band };
    });
  }

  /** The same for both charts, regardless of which curves are shown. */
  private xAxis(): AxisOptions {
    const by = chosenOf("by");
    const runs = this.entries.flatMap((entry) => entry.runs);
    if (by === "time") {
      const end = Math.max(1e-3, ...runs.map(({ seconds }) => seconds.values.at(-1) ?? 0));
      const inMinutes = end >= MINUTES_FROM_SECONDS;
      const text = (seconds: number) => {
        if (seconds === 0) return "0";
        return inMinutes ? `${Number((seconds / 60).toFixed(2))} min` : `${seconds} s`;
      };
      return { range: [0, end], isLog: false, text };
    }
    const lastSteps = runs.map(({ loss, evaluations }) =>
      Math.max(loss.steps.at(-1) ?? 0, evaluations.steps.at(-1) ?? 0),
    );
    const end = Math.max(1, ...lastSteps);
    const isLog = by === "log";
    return { range: [isLog ? Math.min(1, end / 10) : 0, end], isLog, text: axisNumber };
  }

  private moveCursor(x: number | undefined): void {
    for (const chart of this.charts) chart.setCursor(x);
    this.showKey(x);
  }

  /** The value under the cursor, or else the last one. */
  private showKey(x: number | undefined): void {
    const metric = commonMetric(this.entries.flatMap(({ runs }) => runs));
    const values = this.key.querySelectorAll(".value");
    this.entries.forEach((entry, index) => {
      const line = this.metricLines.find((each) => each.entry.index === entry.index);
      const final = entrySpread(entry, (run) => run.final)?.mean;
      const value = x === undefined || !line ? final : valueAt(line.x, line.y, x);
      const element = values[index];
      if (element) element.textContent = value === undefined ? "–" : metricText(value, metric);
    });
  }
}

/** A hundredth of the longest run, rounded to a power of ten, so that short runs keep their shape. */
function smoothingFor(entries: readonly Entry[]): number {
  const lastSteps = entries.flatMap(({ runs }) => runs.map(({ loss }) => loss.steps.at(-1) ?? 0));
  const power = Math.log10(Math.max(1, ...lastSteps) / 30);
  return Math.min(2, Math.max(0.5, Number(power.toFixed(1))));
}

/** The highest start of the axis with which the last values of all entries that have learnt something are visible. */
function floorOf(entries: readonly Entry[]): number {
  const finals = entries.flatMap(({ runs }) =>
    runs.flatMap((run) => (run.final === undefined || isAtChance(run) ? [] : [run.final])),
  );
  const least = Math.min(1, ...finals);
  return FLOORS.find((floor) => least > floor + 0.3 * (1 - floor)) ?? 0;
}

/** A logarithmic axis cannot show an error of 0. */
function errorsOf({ steps, values }: Series): Series {
  const kept = steps.map((_, index) => index).filter((index) => values[index]! < 1);
  return {
    steps: kept.map((index) => steps[index]!),
    values: kept.map((index) => 1 - values[index]!),
  };
}

/** @returns a range around all values; for a logarithmic axis around those above 0 */
function rangeOf(lines: readonly Line[], isLog: boolean): [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (const { y, band } of lines) {
    for (const values of [y, band?.lows ?? [], band?.highs ?? []]) {
      for (const value of values) {
        if (isLog && value <= 0) continue;
        min = Math.min(min, value);
        max = Math.max(max, value);
      }
    }
  }
  if (min > max) return isLog ? [0.1, 1] : [0, 1];
  if (isLog) return [min / 1.15, max * 1.15];
  const margin = 0.05 * (max - min || Math.abs(max) || 1);
  return [min - margin, max + margin];
}

function axisPercent(ratio: number): string {
  const percent = Number((100 * ratio).toPrecision(4));
  return percentText(ratio, Number.isInteger(percent) ? 0 : percent < 1 ? 2 : 1);
}

function axisNumber(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}
