// Runs arranged by two chosen settings. Each cell shows the last evaluation, the curve that led to it, and a tint. Cells of runs
// that have not learnt anything are hatched.
import { byId, createElement, createSvg } from "../dom.js";
import { thinSeries } from "./entry-series.js";
import { type ComparedRun, type Metric } from "./compared-run.js";
import { commonMetric, isBetter } from "./entry.js";
import { lossText, metricText, percentText } from "./run-mark.js";
import { settingText } from "./settings-difference.js";
import {
  chooseAxes,
  type SweepAxes,
  type SweepCell,
  type SweepGrid,
  sweepGrids,
  sweepSettings,
  tintOf,
  tintThresholds,
} from "./sweep.js";

/** Fewer runs are not a sweep. */
const MIN_RUNS = 4;
/** Shares of the series' colour, from the best tint to the worst. */
const TINTS = [46, 30, 16, 4];
const CURVE_POINTS = 40;
const SIDE = 100;
const CHOICES = ["columns", "rows", "grids"] as const;

export class SweepPanel {
  private readonly section = byId("sweep", HTMLElement);
  private readonly container = byId("sweeps", HTMLElement);
  private readonly openRun: (run: ComparedRun, text: string) => HTMLElement;
  private runs: readonly ComparedRun[] = [];
  private axes: SweepAxes = { columns: "", rows: "", grids: "" };
  private thresholds: number[] = [];

  /** @param openRun creates a link to the page of one run */
  constructor(openRun: (run: ComparedRun, text: string) => HTMLElement) {
    this.openRun = openRun;
    for (const choice of CHOICES) {
      const select = byId(`sweep-${choice}`, HTMLSelectElement);
      select.addEventListener("input", () => this.choose(choice, select.value));
    }
    this.container.addEventListener("keydown", (event) => moveFocus(event));
  }

  show(runs: readonly ComparedRun[]): void {
    this.runs = runs;
    const names = sweepSettings(runs);
    const isShown = runs.length >= MIN_RUNS && names.length > 0;
    this.section.hidden = !isShown;
    byId("sweep-link", HTMLElement).hidden = !isShown;
    if (!isShown) return;
    this.axes = chooseAxes(runs);
    for (const choice of CHOICES) {
      const options = names.map((name) => new Option(name, name));
      const none = choice === "columns" ? [] : [new Option("none", "")];
      byId(`sweep-${choice}`, HTMLSelectElement).replaceChildren(...none, ...options);
    }
    this.redraw();
  }

  /** A setting can be on one axis only: if it is chosen for another one, the two are swapped. */
  private choose(choice: keyof SweepAxes, name: string): void {
    const other = CHOICES.find(
      (each) => each !== choice && name !== "" && this.axes[each] === name,
    );
    const before = this.axes[choice];
    this.axes = { ...this.axes, ...(other ? { [other]: before } : {}), [choice]: name };
    this.redraw();
  }

  private redraw(): void {
    const metric = commonMetric(this.runs);
    for (const choice of CHOICES) {
      byId(`sweep-${choice}`, HTMLSelectElement).value = this.axes[choice];
    }
    const grids = sweepGrids(this.runs, this.axes);
    const cells = grids.flatMap(cellsOf);
    this.thresholds = tintThresholds(
      cells.flatMap(({ value }) => value ?? []),
      metric,
    );
    this.container.replaceChildren(...grids.map((grid) => this.createGrid(grid, metric)));
    this.container.classList.toggle("single", grids.length === 1);
    this.showLegend(
      metric,
      cells.some((cell) => cell.isAtChance),
    );
    this.showSummary(grids, metric);
    const best = bestOf(cells, metric);
    if (best) this.pick(best, metric);
  }

  private createGrid(grid: SweepGrid, metric: Metric): HTMLElement {
    const { columns, rows } = this.axes;
    const table = createElement("div", { class: "sweep" });
    table.style.setProperty("--columns", String(grid.columns.length));
    table.append(
      createElement("span", { class: "corner", text: rows }),
      createElement("span", { class: "title", text: columns }),
      createElement("span"),
      ...grid.columns.map((value) => createElement("span", { text: settingText(value) })),
    );
    const scale = curveScale(this.runs, metric);
    grid.cells.forEach((row, index) => {
      const text = rows === "" ? "" : settingText(grid.rows[index]);
      table.append(createElement("span", { class: "row", text }));
      for (const cell of row) {
        table.append(
          cell ? this.createCell(cell, metric, scale) : createElement("span", { class: "empty" }),
        );
      }
    });
    if (this.axes.grids === "") return createElement("div", {}, [table]);
    const title = `${this.axes.grids} ${settingText(grid.value)}`;
    return createElement("div", {}, [createElement("h3", { text: title }), table]);
  }

  private createCell(cell: SweepCell, metric: Metric, scale: Scale): HTMLElement {
    const value = cell.value === undefined ? "–" : cellText(cell.value, metric);
    const button = createElement("button", { class: `cell${cell.isAtChance ? " failed" : ""}` }, [
      createElement("b", { text: value }),
      ...(cell.runs.length > 1
        ? [createElement("span", { class: "times", text: `×${cell.runs.length}` })]
        : []),
      drawCurves(cell.runs, scale),
    ]);
    button.type = "button";
    button.ariaPressed = "false";
    button.ariaLabel = `${this.placeText(cell)}: ${valueText(cell, metric)}`;
    const tint =
      cell.value === undefined ? undefined : TINTS[tintOf(cell.value, this.thresholds, metric)];
    button.style.setProperty("--tint", `${tint ?? 0}%`);
    button.dataset["place"] = this.placeText(cell);
    button.addEventListener("click", () => this.pick(cell, metric));
    return button;
  }

  private pick(cell: SweepCell, metric: Metric): void {
    const place = this.placeText(cell);
    for (const other of this.container.querySelectorAll<HTMLElement>(".cell")) {
      other.ariaPressed = String(other.dataset["place"] === place);
    }
    const links = cell.runs
      .slice(0, 10)
      .flatMap((run) => [" ", this.openRun(run, cell.runs.length > 1 ? run.name : "Open run")]);
    byId("picked", HTMLElement).replaceChildren(
      `Selected: ${place}, `,
      createElement("b", { text: valueText(cell, metric) }),
      ".",
      ...links,
    );
  }

  private placeText({ column, row, grid }: SweepCell): string {
    const { columns, rows, grids } = this.axes;
    const parts = [
      [columns, column],
      [rows, row],
      [grids, grid],
    ] as const;
    const named = parts.filter(([name]) => name !== "");
    return named.map(([name, value]) => `${name} ${settingText(value)}`).join(", ");
  }

  private showLegend(metric: Metric, hasFailed: boolean): void {
    const sign = metric === "accuracy" ? "≥" : "≤";
    const text = (value: number) =>
      metric === "accuracy" ? percentText(value, 1) : lossText(value);
    const names = [
      ...this.thresholds.map((value) => `${sign} ${text(value)}`),
      metric === "accuracy" ? "below" : "above",
    ];
    const items = names.map((name, index) => {
      const swatch = createElement("i");
      swatch.style.setProperty("--tint", `${TINTS[index] ?? 0}%`);
      return createElement("li", {}, [swatch, document.createTextNode(name)]);
    });
    const none = createElement(
      "li",
      { title: "no better than always predicting the most frequent class" },
      [createElement("i", { class: "none" }), document.createTextNode("chance")],
    );
    byId("legend", HTMLElement).replaceChildren(...items, ...(hasFailed ? [none] : []));
  }

  /** How many cells of each grid have at least the second tint. */
  private showSummary(grids: readonly SweepGrid[], metric: Metric): void {
    const threshold = this.thresholds[1];
    const summary = byId("sweep-summary", HTMLElement);
    if (threshold === undefined) {
      summary.replaceChildren();
      return;
    }
    const isAccuracy = metric === "accuracy";
    const text = isAccuracy
      ? `At least ${percentText(threshold, 1)}`
      : `At most ${lossText(threshold)}`;
    const counts = grids.flatMap((grid, index) => {
      const cells = cellsOf(grid);
      const count = cells.filter(({ value }) => {
        return value !== undefined && tintOf(value, this.thresholds, metric) <= 1;
      }).length;
      const name =
        this.axes.grids === "" ? "" : ` of ${this.axes.grids} ${settingText(grid.value)}`;
      const numbers = createElement("b", { text: `${count} of ${cells.length}` });
      return [index === 0 ? "" : ", ", numbers, `${index === 0 ? " cells" : ""}${name}`];
    });
    summary.replaceChildren(`${text} at the end: `, ...counts, ".");
  }
}

interface Scale {
  lastStep: number;
  /** The value as a share of the cell's height. */
  heightOf: (value: number) => number;
}

/** The same scale for all cells: accuracies from 0 to 1, losses between the extremes on a logarithmic axis. */
function curveScale(runs: readonly ComparedRun[], metric: Metric): Scale {
  const lastStep = Math.max(1, ...runs.map(({ evaluations }) => evaluations.steps.at(-1) ?? 0));
  if (metric === "accuracy") return { lastStep, heightOf: (value) => value };
  const values = runs.flatMap(({ evaluations }) => evaluations.values.filter((value) => value > 0));
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  return {
    lastStep,
    heightOf: (value) => (Math.log(Math.max(value, 1e-30)) - low) / (high - low || 1),
  };
}

function drawCurves(runs: readonly ComparedRun[], { lastStep, heightOf }: Scale): SVGElement {
  const paths = runs.flatMap(({ evaluations }) => {
    const { steps, values } = thinSeries(evaluations, CURVE_POINTS);
    const points = steps.map((step, index) => {
      const height = Math.min(1, Math.max(0, heightOf(values[index]!)));
      return `${((SIDE * step) / lastStep).toFixed(1)} ${(SIDE * (1 - height)).toFixed(1)}`;
    });
    return points.length > 1 ? [createSvg("path", { d: `M${points.join("L")}` })] : [];
  });
  const view = {
    viewBox: `0 0 ${SIDE} ${SIDE}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  };
  return createSvg("svg", view, paths);
}

function cellsOf({ cells }: SweepGrid): SweepCell[] {
  return cells.flat().filter((cell) => cell !== undefined);
}

function bestOf(cells: readonly SweepCell[], metric: Metric): SweepCell | undefined {
  return cells.reduce<SweepCell | undefined>((best, cell) => {
    if (cell.value === undefined) return best;
    if (best?.value === undefined) return cell;
    return isBetter(metric, cell.value, best.value) ? cell : best;
  }, undefined);
}

function cellText(value: number, metric: Metric): string {
  return metric === "accuracy" ? (100 * value).toFixed(1) : Number(value.toPrecision(3)).toString();
}

function valueText({ value, runs, isAtChance }: SweepCell, metric: Metric): string {
  if (value === undefined) return "no evaluation";
  const mean = runs.length > 1 ? `, mean of ${runs.length} runs` : "";
  return `test ${metric} ${metricText(value, metric)}${mean}${isAtChance ? " (chance)" : ""}`;
}

/** The arrow keys move between the cells of a grid. */
function moveFocus(event: KeyboardEvent): void {
  const cell = event.target;
  if (!(cell instanceof HTMLElement) || !cell.classList.contains("cell")) return;
  const places = [...(cell.parentElement?.children ?? [])];
  const columns = Number(cell.parentElement?.style.getPropertyValue("--columns")) + 1;
  const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (move === undefined) return;
  event.preventDefault();
  const next = places[places.indexOf(cell) + move];
  if (next instanceof HTMLElement && next.classList.contains("cell")) next.focus();
}
