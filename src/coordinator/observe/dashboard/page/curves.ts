// Loss, the evaluations' metrics and samples per second by step, of one run. Drawn by uPlot.
import uPlot from "uplot";
import type { MarkKind } from "../page-update.js";
import { byId, createElement, formatNumber, onThemeChange, themeColour } from "./dom.js";
import type { Run } from "./run.js";
import { sampleRates, type Series, smooth } from "./series.js";

const HEIGHT = 240;
/** Marks that are drawn as lines; the list below the curves shows all. */
const MARK_LINES: readonly MarkKind[] = ["joined", "left", "rejected", "backup", "divergence"];

interface Chart {
  title: string;
  curves: readonly Curve[];
}

interface Curve {
  label: string;
  series: Series;
  colour: string;
  width?: number;
}

export class Curves {
  private readonly container = byId("curves", HTMLElement);
  private readonly smoothing = byId("smoothing", HTMLInputElement);
  private plots: uPlot[] = [];
  /** Of the charts: their titles and labels. */
  private shape = "";
  private run: Run | undefined;
  private drawnVersion = -1;
  /** The visible steps; undefined: the whole run, as it grows. */
  private zoom: { min: number; max: number } | undefined;

  constructor() {
    this.smoothing.addEventListener("input", () => this.redraw());
    byId("unzoom", HTMLButtonElement).addEventListener("click", () => this.showAll());
    this.container.addEventListener("keydown", (event) => this.handleKey(event));
    onThemeChange(() => {
      this.shape = "";
      this.redraw();
    });
    new ResizeObserver(() => {
      for (const plot of this.plots) plot.setSize({ width: widthOf(plot), height: HEIGHT });
    }).observe(this.container);
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
    const metricTitle = run.metricName === "accuracy" ? "Accuracy" : "Loss at evaluations";
    const charts: Chart[] = [
      { title: "Loss", curves: this.lossCurves(run) },
      { title: metricTitle, curves: metricCurves(run) },
      { title: "Samples per second", curves: [rateCurve(run)] },
    ];
    const shape = charts.map(({ title, curves }) => [title, ...curves.map(({ label }) => label)]);
    if (shape.join(";") !== this.shape) {
      this.shape = shape.join(";");
      for (const plot of this.plots) plot.destroy();
      // All places first: how many there are decides how wide each is.
      const places = charts.map(() => createElement("div", { class: "chart" }));
      this.container.replaceChildren(...places);
      this.plots = charts.map((chart, index) => this.createPlot(chart, places[index]!));
    }
    charts.forEach(({ curves }, index) => {
      const plot = this.plots[index];
      if (!plot) return;
      plot.setData(tableOf(curves), !this.zoom);
      if (this.zoom) plot.setScale("x", this.zoom);
    });
  }

  private lossCurves(run: Run): Curve[] {
    const smoothed = smooth(run.loss, Number(this.smoothing.value));
    const stroke = themeColour("one");
    return [
      { label: "each step", series: run.loss, colour: `${stroke}40` },
      { label: "smoothed", series: smoothed, colour: stroke, width: 2 },
    ];
  }

  private createPlot({ title, curves }: Chart, place: HTMLElement): uPlot {
    const axis = { stroke: themeColour("faint"), grid: { stroke: themeColour("line"), width: 1 } };
    const options: uPlot.Options = {
      title,
      width: place.clientWidth || 320,
      height: HEIGHT,
      scales: { x: { time: false } },
      cursor: { sync: { key: "step" }, drag: { x: true, y: false, setScale: false } },
      axes: [
        axis,
        { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => formatNumber(tick)) },
      ],
      series: [
        { label: "step" },
        ...curves.map(({ label, colour: stroke, width }) => ({
          label,
          stroke,
          width: width ?? 1,
          spanGaps: true,
          value: (_: uPlot, value: number | null) => formatNumber(value),
        })),
      ],
      hooks: {
        draw: [(plot) => this.drawMarks(plot)],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            const range = [left, left + width].map((x) => plot.posToVal(x, "x"));
            if (width > 0) this.zoomTo(range[0]!, range[1]!);
          },
        ],
      },
    };
    const plot = new uPlot(options, tableOf(curves), place);
    plot.over.addEventListener("dblclick", () => this.showAll());
    return plot;
  }

  private drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const bad = themeColour("bad");
    const good = themeColour("three");
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const { step, what } of this.run?.marks ?? []) {
      const x = plot.valToPos(step, "x", true);
      if (!MARK_LINES.includes(what) || x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.strokeStyle = what === "joined" ? good : bad;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  private showAll(): void {
    this.zoom = undefined;
    for (const plot of this.plots) plot.setData(plot.data);
  }

  /** All charts show the same steps. */
  private zoomTo(min: number, max: number): void {
    this.zoom = { min, max };
    for (const plot of this.plots) plot.setScale("x", { min, max });
  }

  private handleKey(event: KeyboardEvent): void {
    const [plot] = this.plots;
    const { min = 0, max = 0 } = plot?.scales["x"] ?? {};
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

function metricCurves(run: Run): Curve[] {
  const [test, training] = [themeColour("one"), themeColour("two")];
  return [
    { label: "training", series: run.trainMetric, colour: training },
    { label: "test", series: run.testMetric, colour: test, width: 2 },
  ];
}

function rateCurve(run: Run): Curve {
  const series = sampleRates(run.durationMs, run.batchSize);
  return { label: "samples/s", series, colour: themeColour("three") };
}

function widthOf(plot: uPlot): number {
  return plot.root.parentElement?.clientWidth ?? plot.width;
}

/** One column of steps, and for each curve a column of values with gaps where it has none. */
function tableOf(curves: readonly Curve[]): uPlot.AlignedData {
  return uPlot.join(curves.map(({ series }) => [series.steps, series.values]));
}
