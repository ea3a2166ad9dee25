// The metric of the evaluations, the loss and samples per second by step: three charts above each other with a common step axis.
import { moveCursor } from "./chart.js";
import { byId, formatCount, formatNumber, formatPercent, onThemeChange, shortText } from "./dom.js";
import type { Run } from "./run.js";
import { drawMarks } from "./run-marks.js";
import { sampleRates, smooth } from "./series.js";
import { StepChart, type StepAxes } from "./step-chart.js";

const HEIGHTS = { metric: 236, loss: 192, rate: 156 };
/** Room above the first chart for the names of workers that joined or were lost. */
const NAMES_HEIGHT = 22;
/** If the test accuracy is higher, the axis may begin here. */
const HIGH_ACCURACY = 0.9;

export class Curves {
  private readonly container = byId("curves", HTMLElement);
  private readonly smoothing = byId("smoothing", HTMLInputElement);
  private readonly metric: StepChart;
  private readonly loss: StepChart;
  private readonly rate: StepChart;
  private run: Run | undefined;
  private drawnVersion = -1;
  /** The visible steps; undefined: the whole run so far. */
  private zoom: { min: number; max: number } | undefined;
  private isAccuracy = true;

  constructor() {
    const shared = {
      onZoom: (min: number, max: number) => this.zoomTo(min, max),
      onReset: () => this.showAll(),
    };
    const chart = (name: keyof typeof HEIGHTS, text: (value: number) => string, top?: number) =>
      new StepChart(byId(`${name}-chart`, HTMLElement), byId(`${name}-key`, HTMLElement), {
        ...shared,
        height: HEIGHTS[name],
        hasSteps: name === "rate",
        text,
        axisText: (value) => {
          return name === "metric" && this.isAccuracy ? text(value) : shortText(value);
        },
        ...(top === undefined ? {} : { top }),
        onDraw: (plot) => drawMarks(plot, this.run?.marks ?? [], top !== undefined),
      });
    const metricText = (value: number) =>
      this.isAccuracy ? accuracyText(value) : formatNumber(value, 3);
    this.metric = chart("metric", metricText, NAMES_HEIGHT);
    this.loss = chart("loss", (value) => formatNumber(value, 3));
    this.rate = chart("rate", (value) => formatCount(value));
    this.smoothing.addEventListener("input", () => this.redraw());
    for (const input of document.querySelectorAll("#curves input")) {
      input.addEventListener("change", () => this.redraw());
    }
    byId("unzoom", HTMLButtonElement).addEventListener("click", () => this.showAll());
    this.container.addEventListener("keydown", (event) => this.handleKey(event));
    onThemeChange(() => this.redraw());
  }

  show(run: Run): void {
    this.run = run;
    if (run.version === this.drawnVersion) return;
    this.drawnVersion = run.version;
    this.redraw();
  }

  private redraw(): void {
    const { run } = this;
    if (!run) return;
    const zoom = this.zoom ?? wholeRun(run);
    this.isAccuracy = run.metricName === "accuracy";
    const title = this.isAccuracy ? "Accuracy" : "Loss at evaluations";
    byId("metric-title", HTMLElement).textContent = title;
    const test = { label: "test", series: run.testMetric, colour: "test" };
    const training = { label: "training", series: run.trainMetric, colour: "train" };
    this.metric.show([test, training], this.metricAxes(run), zoom);
    const smoothed = smooth(run.loss, Number(this.smoothing.value));
    this.loss.show(
      [
        { label: "each step", series: run.loss, colour: "train", isFaint: true },
        { label: "smoothed", series: smoothed, colour: "train" },
      ],
      { isLog: choiceOf("loss-axis") === "log", isFromZero: true },
      zoom,
    );
    const series = sampleRates(run.durationMs, run.batchSize);
    this.rate.show([{ label: "samples/s", series, colour: "rate" }], { isFromZero: true }, zoom);
  }

  private metricAxes({ testMetric }: Run): StepAxes {
    const isHigh = this.isAccuracy && (testMetric.values.at(-1) ?? 0) > HIGH_ACCURACY;
    byId("metric-range", HTMLElement).classList.toggle("off", !isHigh);
    if (!this.isAccuracy) return { isFromZero: true };
    return { range: isHigh && choiceOf("metric-range") === "top" ? [HIGH_ACCURACY, 1] : [0, 1] };
  }

  private showAll(): void {
    this.zoom = undefined;
    this.redraw();
  }

  /** Makes all charts show the same steps. */
  private zoomTo(min: number, max: number): void {
    this.zoom = { min, max };
    this.redraw();
  }

  private handleKey(event: KeyboardEvent): void {
    const { plot } = this.loss;
    if (!plot || event.target !== this.container) return;
    if (event.key === "Escape" || event.shiftKey) {
      moveCursor(plot, event);
      if (event.defaultPrevented) return;
    }
    const { min = 0, max = 0 } = plot.scales["x"] ?? {};
    const width = max - min;
    const ranges: Record<string, [number, number] | undefined> = {
      "+": [min + width / 4, max - width / 4],
      "-": [min - width / 2, max + width / 2],
      ArrowLeft: [min - width / 4, max - width / 4],
      ArrowRight: [min + width / 4, max + width / 4],
    };
    const range = ranges[event.key];
    if (event.key === "0") this.showAll();
    else if (range) this.zoomTo(...range);
    else return;
    event.preventDefault();
  }
}

/** All steps so far, for all charts. */
function wholeRun({ start, loss, testMetric }: Run): { min: number; max: number } {
  const firsts = [loss.steps[0], testMetric.steps[0]].filter((step) => step !== undefined);
  const min = Math.min(start?.step ?? Infinity, ...firsts);
  const max = Math.max(loss.steps.at(-1) ?? 0, testMetric.steps.at(-1) ?? 0);
  return { min: Number.isFinite(min) ? min : 0, max: Math.max(max, min + 1, 1) };
}

function accuracyText(value: number): string {
  return formatPercent(value, Number.isInteger(Math.round(1e6 * value) / 1e4) ? 0 : 2);
}

function choiceOf(name: string): string {
  const input = document.querySelector<HTMLInputElement>(`input[name="${name}"]:checked`);
  return input?.value ?? "";
}
