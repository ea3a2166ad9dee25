// The table of results: a row per entry with its last numbers and the interval of its accuracy. The best ones are marked.
import { durationText } from "../../../number-text.js";
import { byId, createElement } from "../dom.js";
import { type ComparedRun, type Metric, stepsToAccuracy } from "./compared-run.js";
import { commonMetric, type Entry, entrySpread, isBetter, metricInterval } from "./entry.js";
import {
  createIntervalBar,
  createScaleLabels,
  type IntervalScale,
  scaleOf,
} from "./interval-bar.js";
import type { Spread } from "./interval.js";
import {
  createName,
  deviationText,
  differenceText,
  integerText,
  lossText,
  metricText,
} from "./run-mark.js";

const ROWS_SHOWN = 12;
/** Accuracies for which the table can show how many steps a run needed. */
const LEVELS = [0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995];

interface Column {
  key: string;
  title: string;
  valueOf: (run: ComparedRun) => number | undefined;
  text: (value: number) => string;
  /** Undefined if neither more nor less is better. */
  best?: "highest" | "lowest";
  /** Hidden on narrow screens. */
  isWide?: true;
  /** Needs a value of every run: an average over only some of them would be too good. */
  needsAll?: true;
}

export class ResultsPanel {
  private readonly table = byId("results", HTMLTableElement);
  private readonly level = byId("level", HTMLSelectElement);
  private readonly showAll = byId("all-results", HTMLButtonElement);
  private entries: readonly Entry[] = [];
  private sorting: { key: string; isDescending: boolean } | undefined;
  private showsAll = false;

  constructor() {
    this.level.addEventListener("input", () => this.redraw());
    this.showAll.addEventListener("click", () => {
      this.showsAll = !this.showsAll;
      this.redraw();
    });
  }

  show(entries: readonly Entry[]): void {
    this.entries = entries;
    const metric = this.metric();
    byId("level-field", HTMLElement).hidden = metric === "loss";
    if (this.level.options.length === 0 && metric === "accuracy") this.offerLevels();
    this.redraw();
  }

  private metric(): Metric {
    return commonMetric(this.entries.flatMap(({ runs }) => runs));
  }

  /** Chooses the highest one that at least half of the entries reach. */
  private offerLevels(): void {
    const reaching = (level: number) =>
      this.entries.filter(({ runs }) =>
        runs.some((run) => stepsToAccuracy(run, level) !== undefined),
      );
    const offered = LEVELS.filter((level) => reaching(level).length > 0);
    this.level.replaceChildren(
      ...offered.map((level) => new Option(`${Number((100 * level).toFixed(1))} %`, String(level))),
    );
    const chosen = offered.findLast((level) => 2 * reaching(level).length >= this.entries.length);
    this.level.value = String(chosen ?? offered[0] ?? "");
  }

  private redraw(): void {
    const metric = this.metric();
    const columns = this.columns(metric);
    const sorted = this.sort(columns);
    const shown = this.showsAll ? sorted : sorted.slice(0, ROWS_SHOWN);
    const scale = scaleOf(
      this.entries.flatMap((entry) => metricInterval(entry) ?? []),
      metric,
    );
    const rows = shown.map((entry) => this.createRow(entry, columns, scale, metric));
    this.table.tHead?.replaceChildren(this.createHead(columns, scale, metric));
    this.table.tBodies[0]?.replaceChildren(...rows);
    this.showAll.hidden = this.entries.length <= ROWS_SHOWN;
    this.showAll.textContent = this.showsAll
      ? `Show ${ROWS_SHOWN}`
      : `Show all ${this.entries.length}`;
    this.showAll.setAttribute("aria-expanded", String(this.showsAll));
    byId("results-note", HTMLElement).textContent = noteOf(this.entries, metric);
  }

  /** Those for which at least one run has a value. */
  private columns(metric: Metric): Column[] {
    const level = Number(this.level.value);
    const columns: Column[] = [
      {
        key: "metric",
        title: metric === "accuracy" ? "Test accuracy" : "Test loss",
        valueOf: (run) => (run.metric === metric ? run.final : undefined),
        text: (value) => metricText(value, metric),
        best: metric === "accuracy" ? "highest" : "lowest",
      },
      {
        key: "loss",
        title: "Loss",
        valueOf: (run) => run.finalLoss,
        text: lossText,
        best: "lowest",
      },
      {
        key: "steps-to",
        title: `Steps to ${Number((100 * level).toFixed(1))} %`,
        valueOf: (run) => (level > 0 ? stepsToAccuracy(run, level) : undefined),
        text: integerText,
        best: "lowest",
        needsAll: true,
      },
      {
        key: "time",
        title: "Time",
        valueOf: (run) => run.seconds.values.at(-1),
        text: durationText,
        best: "lowest",
        isWide: true,
      },
      {
        key: "rate",
        title: "Samples/s",
        valueOf: (run) => run.meanRate,
        text: integerText,
        best: "highest",
        isWide: true,
      },
      {
        key: "workers",
        title: "Workers",
        valueOf: (run) => run.workerCount,
        text: (value) => String(Number(value.toFixed(1))),
        isWide: true,
      },
    ];
    const runs = this.entries.flatMap((entry) => entry.runs);
    return columns.filter(({ key, valueOf }) => {
      return key === "metric" || runs.some((run) => valueOf(run) !== undefined);
    });
  }

  private sort(columns: readonly Column[]): readonly Entry[] {
    const column = columns.find(({ key }) => key === this.sorting?.key);
    if (!column) return this.entries;
    const sign = this.sorting?.isDescending ? -1 : 1;
    const means = new Map(this.entries.map((entry) => [entry, valueFor(entry, column)?.mean]));
    return [...this.entries].sort((a, b) => {
      const [x, y] = [means.get(a), means.get(b)];
      // Entries without a value come last in either direction.
      if (x === undefined || y === undefined)
        return Number(x === undefined) - Number(y === undefined);
      return sign * (x - y);
    });
  }

  /** The first click sorts the best first, the second reverses it, the third restores the given order. */
  private sortBy({ key, best }: Column): void {
    const first = best === "highest";
    if (this.sorting?.key !== key) this.sorting = { key, isDescending: first };
    else if (this.sorting.isDescending === first) this.sorting = { key, isDescending: !first };
    else this.sorting = undefined;
    this.redraw();
    this.table.querySelector<HTMLButtonElement>(`button[data-key="${key}"]`)?.focus();
  }

  private createHead(
    columns: readonly Column[],
    scale: IntervalScale | undefined,
    metric: Metric,
  ): HTMLElement {
    const cells = columns.flatMap((column) => {
      const button = createElement("button", { class: "sort", text: column.title });
      button.type = "button";
      button.dataset["key"] = column.key;
      button.addEventListener("click", () => this.sortBy(column));
      const cell = headCell(classOf(column), [button]);
      if (this.sorting?.key === column.key) {
        cell.ariaSort = this.sorting.isDescending ? "descending" : "ascending";
      }
      if (column.key !== "metric") return [cell];
      const labels = scale ? [createScaleLabels(scale, metric)] : [];
      return [cell, headCell("interval-head", [...labels, hiddenText("Interval")])];
    });
    return createElement("tr", {}, [headCell("", [document.createTextNode("Run")]), ...cells]);
  }

  private createRow(
    entry: Entry,
    columns: readonly Column[],
    scale: IntervalScale | undefined,
    metric: Metric,
  ): HTMLElement {
    const head = createElement("th", {}, [createName(entry)]);
    head.scope = "row";
    const cells = columns.flatMap((column) => {
      const cell = this.createCell(entry, column, metric);
      if (column.key !== "metric") return [cell];
      return [cell, createIntervalBar(entry, scale)];
    });
    return createElement("tr", {}, [head, ...cells]);
  }

  private createCell(entry: Entry, column: Column, metric: Metric): HTMLElement {
    const value = valueFor(entry, column);
    const isBest = value !== undefined && value.mean === this.bestOf(column);
    const cell = createElement("td", { class: `${classOf(column)}${isBest ? " best" : ""}` });
    if (!value) {
      cell.textContent = "–";
      return cell;
    }
    if (column.key === "metric") {
      cell.append(
        createElement("span", { class: "delta", text: this.deltaText(entry, value, metric) }),
        " ",
      );
    }
    cell.append(createElement("span", { text: column.text(value.mean) }));
    if (column.key === "metric" && value.deviation !== undefined) {
      const text = deviationText(value.deviation, metric);
      cell.append(" ", createElement("span", { class: "delta", text }));
    }
    return cell;
  }

  private bestOf(column: Column): number | undefined {
    if (!column.best || this.entries.length < 2) return undefined;
    const metric = column.best === "highest" ? "accuracy" : "loss";
    const means = this.entries.flatMap((entry) => valueFor(entry, column)?.mean ?? []);
    return means.reduce<number | undefined>((best, mean) => {
      return best === undefined || isBetter(metric, mean, best) ? mean : best;
    }, undefined);
  }

  private deltaText(entry: Entry, { mean }: Spread, metric: Metric): string {
    const [baseline] = this.entries;
    if (!baseline || entry === baseline) return "baseline";
    const base = entrySpread(baseline, ({ final }) => final)?.mean;
    return base === undefined ? "" : differenceText(mean - base, metric);
  }
}

function valueFor(entry: Entry, { valueOf, needsAll }: Column): Spread | undefined {
  const spread = entrySpread(entry, valueOf);
  return needsAll && spread && spread.count < entry.runs.length ? undefined : spread;
}

function classOf({ isWide, best }: Column): string {
  return `num${isWide ? " wide" : ""}${best ? " ranked" : ""}`;
}

function headCell(className: string, children: readonly Node[]): HTMLTableCellElement {
  const cell = createElement("th", { class: className }, children);
  cell.scope = "col";
  return cell;
}

function hiddenText(text: string): HTMLElement {
  return createElement("span", { class: "sr", text });
}

function noteOf(entries: readonly Entry[], metric: Metric): string {
  const counts = new Set(
    entries.flatMap(({ runs }) => runs.flatMap(({ testCount }) => testCount ?? [])),
  );
  const [count] = counts;
  const hasSeeds = entries.some(({ runs }) => runs.length > 1);
  const hasSingles = entries.some(({ runs }) => runs.length === 1);
  const samples =
    counts.size === 1 && count !== undefined ? ` over ${integerText(count)} samples` : "";
  const single =
    metric === "accuracy" && hasSingles && counts.size > 0
      ? [`95 % interval of the accuracy${samples}`]
      : [];
  const seeds = hasSeeds ? ["minimum to maximum over the seeds, ± standard deviation"] : [];
  const bars = [...single, ...seeds].join("; ");
  return bars === "" ? "Dot: best." : `Bars: ${bars}. Dot: best.`;
}
