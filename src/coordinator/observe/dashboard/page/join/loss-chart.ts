// The loss of the whole run by step on a logarithmic axis: of each step, smoothed, and since when this device has taken part.
// Drawn by uPlot.
import uPlot from "uplot";
import { LOG_SCALE, moveCursor } from "../chart.js";
import { createElement, formatNumber, onThemeChange, themeColour } from "../dom.js";
import { type Series, smooth } from "../series.js";

const HEIGHT = 148;
const SMOOTHING = 0.95;
/** A logarithmic axis cannot show 0. */
const LEAST = 1e-9;

export class LossChart {
  private readonly host: HTMLElement;
  private readonly key: HTMLElement;
  private plot: uPlot | undefined;
  private data: uPlot.AlignedData = [[], [], []];
  private joinedStep: number | undefined;

  constructor(host: HTMLElement, key: HTMLElement) {
    this.host = host;
    this.key = key;
    onThemeChange(() => this.rebuild());
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(host);
    host.addEventListener("keydown", (event) => {
      if (this.plot) moveCursor(this.plot, event);
    });
    this.rebuild();
  }

  /** @param joinedStep the step at which this device started; undefined: it has not */
  show(loss: Series, joinedStep: number | undefined): void {
    this.joinedStep = joinedStep;
    const positive = (values: number[]) => values.map((value) => Math.max(value, LEAST));
    const { values } = smooth(loss, SMOOTHING);
    this.data = [loss.steps, positive(loss.values), positive(values)];
    this.plot?.setData(this.data);
    this.showKey();
  }

  private size(): { width: number; height: number } {
    return { width: this.host.clientWidth || 320, height: HEIGHT };
  }

  private rebuild(): void {
    this.plot?.destroy();
    const train = themeColour("train");
    const axis = {
      stroke: themeColour("ink-2"),
      grid: { stroke: themeColour("line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    this.plot = new uPlot(
      {
        ...this.size(),
        padding: [8, 10, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, y: false, points: { size: 7 } },
        scales: { x: { time: false }, y: { distr: LOG_SCALE } },
        axes: [
          { ...axis, size: 26, space: 90, values: (_, ticks) => ticks.map(stepText) },
          {
            ...axis,
            size: 44,
            grid: { ...axis.grid, filter: powersOfTen },
            filter: powersOfTen,
            values: (_, ticks) =>
              ticks.map((tick: number | null) => (tick === null ? "" : String(tick))),
          },
        ],
        series: [
          {},
          { stroke: `${train}3d`, width: 1, points: { show: false } },
          { stroke: train, width: 2, points: { show: false } },
        ],
        hooks: { draw: [(plot) => this.drawJoined(plot)], setCursor: [() => this.showKey()] },
      },
      this.data,
      this.host,
    );
  }

  /** The value under the cursor, or else the newest. */
  private showKey(): void {
    const values = this.data[2] ?? [];
    const value = values[this.plot?.cursor.idx ?? values.length - 1];
    const swatch = createElement("i", { class: "swatch" });
    const name = createElement("span", {}, [swatch, document.createTextNode("smoothed ")]);
    this.key.replaceChildren(name, createElement("b", { text: formatNumber(value) }));
  }

  private drawJoined(plot: uPlot): void {
    if (this.joinedStep === undefined || this.joinedStep === 0) return;
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(this.joinedStep, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = themeColour("ink-2");
    ctx.lineWidth = scale;
    ctx.setLineDash([scale, 3 * scale]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.font = `${12 * scale}px system-ui, sans-serif`;
    const isLeft = x > bbox.left + bbox.width / 2;
    ctx.textAlign = isLeft ? "right" : "left";
    ctx.fillText("joined", x + (isLeft ? -6 : 6) * scale, bbox.top + 12 * scale);
    ctx.restore();
  }
}

function stepText(step: number): string {
  return Number.isInteger(step) ? step.toLocaleString("en") : "";
}

/** Otherwise uPlot would draw a line for each digit between them. */
function powersOfTen(_plot: uPlot, splits: (number | null)[]): (number | null)[] {
  return splits.map((value) => {
    return value !== null && Number.isInteger(Math.log10(value)) ? value : null;
  });
}
