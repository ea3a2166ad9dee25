// Loss, the evaluations' metrics and samples per second by step, of one run or of several side by side. Drawn by uPlot.
import uPlot from "uplot";
import type { MarkKind } from "../page-update.js";
import {
  byId,
  createElement,
  formatNumber,
  onThemeChange,
  SERIES_COLOURS,
  themeColour,
} from "./dom.js";
import type { Run } from "./run.js";
import { sampleRates, type Series, smooth } from "./series.js";

const HEIGHT = 240;
/** Marks that are drawn as lines; the list below the curves shows all. */
const MARK_LINES: readonly MarkKind[] = ["joined", "left", "rejected", "backup", "divergence"];
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

interface Chart {
  title: string;
  curves: readonly Curve[];
}

interface Curve {
  label: string;
  series: Series;
  colour: string;
  dash?: number[];
  width?: number;
}

export class Curves {
  private readonly container = byId("curves", HTMLElement);
  private readonly smoothing = byId("smoothing", HTMLInputElement);
  private plots: uPlot[] = [];
  /** Of the charts: their titles and labels. */
  private shape = "";
  private runs: readonly Run[] = [];
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

  show(runs: readonly Run[]): void {
    const version = runs.reduce((total, run) => total + run.version, 0);
    this.runs = runs;
    if (version === this.drawnVersion) return;
    this.drawnVersion = version;
    this.redraw();
  }

  private redraw(): void {
    const charts: Chart[] = [
      { title: "Loss", curves: this.lossCurves() },
      { title: "Accuracy", curves: this.metricCurves("accuracy") },
      { title: "Loss at evaluations", curves: this.metricCurves("loss") },
      { title: "Samples per second", curves: this.rateCurves() },
    ].filter(({ curves }) => curves.length > 0);
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

  private labelOf(label: string, run: Run): string {
    return this.runs.length > 1 ? `${run.name}: ${label}` : label;
  }

  private lossCurves(): Curve[] {
    const weight = Number(this.smoothing.value);
    return this.runs.flatMap((run, index) => {
      const stroke = themeColour(SERIES_COLOURS[index % SERIES_COLOURS.length]!);
      const smoothed = smooth(run.loss, weight);
      return [
        { label: this.labelOf("each step", run), series: run.loss, colour: `${stroke}40` },
        { label: this.labelOf("smoothed", run), series: smoothed, colour: stroke, width: 2 },
      ];
    });
  }

  /** Of the runs that are evaluated by this metric. */
  private metricCurves(metric: Run["metricName"]): Curve[] {
    const runs = this.runs.filter(({ metricName }) => metricName === metric);
    return runs.flatMap((run, index) => {
      const dash = DASHES[index % DASHES.length]!;
      const [one, two] = [themeColour("one"), themeColour("two")];
      return [
        { label: this.labelOf("training", run), series: run.trainMetric, colour: two, dash },
        { label: this.labelOf("test", run), series: run.testMetric, colour: one, dash, width: 2 },
      ];
    });
  }

  private rateCurves(): Curve[] {
    return this.runs.map((run, index) => ({
      label: this.labelOf("samples/s", run),
      series: sampleRates(run.durationMs, run.batchSize),
      colour: themeColour(SERIES_COLOURS[(index + 2) % SERIES_COLOURS.length]!),
    }));
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
        ...curves.map(({ label, colour: stroke, dash, width }) => ({
          label,
          stroke,
          width: width ?? 1,
          spanGaps: true,
          ...(dash ? { dash } : {}),
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
    for (const { step, what } of this.runs[0]?.marks ?? []) {
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

function widthOf(plot: uPlot): number {
  return plot.root.parentElement?.clientWidth ?? plot.width;
}

/** One column of steps, and for each curve a column of values with gaps where it has none. */
function tableOf(curves: readonly Curve[]): uPlot.AlignedData {
  return uPlot.join(curves.map(({ series }) => [series.steps, series.values]));
}
