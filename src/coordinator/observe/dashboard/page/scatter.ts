// If a network predicts values: predicted against true values of test samples, the diagonal on which both are equal, and how
// well each value is predicted. Drawn by uPlot.
import uPlot from "uplot";
import type { OutputMetrics, PageUpdateOf } from "../page-update.js";
import {
  byId,
  createElement,
  formatCount,
  formatNumber,
  onThemeChange,
  shortText,
  themeColour,
  unpackFloats,
} from "./dom.js";
import { LABEL_FONT } from "./end-labels.js";
import type { Run } from "./run.js";
import { ticksBetween } from "./ticks.js";

const HEIGHT = 320;
const POINT_SIZE = 5;
/** Added on both sides, as a share of the range of values. */
const MARGIN = 0.05;

export class Scatter {
  private readonly output = byId("output", HTMLSelectElement);
  private readonly container = byId("scatter", HTMLElement);
  private plot: uPlot | undefined;
  private update: PageUpdateOf<"scatter"> | undefined;
  private label: string | undefined;

  constructor() {
    this.output.addEventListener("input", () => this.redraw());
    onThemeChange(() => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(this.container);
  }

  show(scatter: PageUpdateOf<"scatter">, run: Run): void {
    this.update = scatter;
    this.label = run.start?.label;
    if (this.output.options.length !== scatter.valueCount) {
      const indices = Array.from({ length: scatter.valueCount }, (_, index) => String(index));
      this.output.replaceChildren(...indices.map((index) => new Option(index, index)));
    }
    byId("output-choice", HTMLElement).hidden = scatter.valueCount < 2;
    this.redraw();
  }

  private redraw(): void {
    const { update, container } = this;
    const width = container.clientWidth;
    if (!update || width === 0) return;
    const output = Math.max(0, this.output.selectedIndex);
    const points = pointsOf(update, output);
    showNote(update, points.length);
    showMetrics(update.metrics ?? [], output);
    const targets = points.map(({ target }) => target);
    const predictions = points.map(({ prediction }) => prediction);
    const range = rangeOf([...targets, ...predictions]);
    this.plot?.destroy();
    this.plot = new uPlot(
      {
        width,
        height: HEIGHT,
        padding: [8, 12, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        // The same range on both axes, so that values on the diagonal are equal.
        scales: { x: { time: false, range }, y: { range } },
        axes: [
          {
            ...axisOptions(width / 110),
            label: this.label ? `true ${this.label}` : "true",
            size: 26,
          },
          { ...axisOptions(HEIGHT / 52), label: "predicted", size: 50 },
        ],
        series: [
          {},
          {
            stroke: themeColour("test"),
            paths: () => null,
            points: {
              show: true,
              size: POINT_SIZE,
              width: 0,
              fill: `${themeColour("test")}99`,
            },
          },
        ],
        hooks: { drawAxes: [(plot) => drawDiagonal(plot, range)] },
      },
      [targets, predictions],
      container,
    );
  }
}

function axisOptions(count: number): uPlot.Axis {
  return {
    stroke: themeColour("ink-2"),
    grid: { stroke: themeColour("line"), width: 1 },
    ticks: { show: false },
    font: `12px ${LABEL_FONT}`,
    labelFont: `12px ${LABEL_FONT}`,
    labelSize: 18,
    splits: (_plot, _axis, min, max) => ticksBetween(min, max, Math.max(2, count)),
    values: (_, splits) => splits.map(shortText),
  };
}

function drawDiagonal(plot: uPlot, [min, max]: readonly [number, number]): void {
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = themeColour("line-strong");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(plot.valToPos(min, "x", true), plot.valToPos(min, "y", true));
  ctx.lineTo(plot.valToPos(max, "x", true), plot.valToPos(max, "y", true));
  ctx.stroke();
  ctx.restore();
}

function rangeOf(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const [min, max] = [Math.min(...finite), Math.max(...finite)];
  const margin = MARGIN * (max - min) || 1;
  return [min - margin, max + margin];
}

function showNote({ step, testCount }: PageUpdateOf<"scatter">, pointCount: number): void {
  const swatch = createElement("i", { class: "swatch dot test" });
  const of =
    testCount !== undefined && testCount > pointCount ? ` of ${formatCount(testCount)}` : "";
  const note = `${formatCount(pointCount)}${of} test samples at step ${formatCount(step)}`;
  const line = createElement("i", { class: "swatch dashed" });
  byId("scatter-note", HTMLElement).replaceChildren(
    createElement("span", {}, [swatch, document.createTextNode(note)]),
    createElement("span", {}, [line, document.createTextNode("predicted = true")]),
  );
}

/** One row per value. The row of the drawn one is bold. */
function showMetrics(metrics: readonly OutputMetrics[], output: number): void {
  const heads = [...(metrics.length > 1 ? ["output"] : []), "R²", "RMSE", "MAE"];
  const head = heads.map((text) => createElement("th", { class: "num", text }));
  const rows = metrics.map(({ r2, rmse, mae }, index) => {
    const name = metrics.length > 1 ? [String(index)] : [];
    const numbers = [r2 === null ? "–" : r2.toFixed(4), formatNumber(rmse), formatNumber(mae)];
    const cells = [...name, ...numbers].map((text) => {
      const isDrawn = metrics.length > 1 && index === output;
      const bold = isDrawn ? [createElement("b", { text })] : [document.createTextNode(text)];
      return createElement("td", { class: "num" }, bold);
    });
    return createElement("tr", {}, cells);
  });
  byId("scatter-metrics", HTMLTableElement).replaceChildren(
    ...(metrics.length === 0
      ? []
      : [
          createElement("thead", {}, [createElement("tr", {}, head)]),
          createElement("tbody", {}, rows),
        ]),
  );
}

/** In ascending order of the true values, as uPlot requires. */
function pointsOf({ targets, predictions, valueCount }: PageUpdateOf<"scatter">, output: number) {
  const allTargets = unpackFloats(targets);
  const allPredictions = unpackFloats(predictions);
  const count = allTargets.length / valueCount;
  const points = Array.from({ length: count }, (_, row) => {
    const index = row * valueCount + output;
    return { target: allTargets[index]!, prediction: allPredictions[index]! };
  });
  return points.sort((a, b) => a.target - b.target);
}
