// Loss, accuracies and samples per second by step, of one run or of several beside each other. Drawn by uPlot.
import uPlot from "uplot";
import type { MarkKind } from "../lines.js";
import { byId, colour, made, SERIES_COLOURS, short } from "./dom.js";
import { rates, type Run, type Series, smoothed } from "./run.js";

const HEIGHT = 240;
/** Marks that are drawn as lines; the list below the curves has all. */
const DRAWN: readonly MarkKind[] = ["joined", "left", "rejected", "repeat", "drift"];
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

interface Curve {
  label: string;
  series: Series;
  colour: string;
  dash?: number[];
  width?: number;
}

export class Curves {
  private readonly place = byId("curves", HTMLElement);
  private readonly smoothing = byId("smoothing", HTMLInputElement);
  private charts: uPlot[] = [];
  private shape = "";
  private runs: readonly Run[] = [];
  private drawnVersion = -1;
  /** The steps that are shown; undefined: the whole run, as it grows. */
  private zoom: { min: number; max: number } | undefined;

  constructor() {
    this.smoothing.addEventListener("input", () => this.redraw());
    byId("unzoom", HTMLButtonElement).addEventListener("click", () => this.unzoom());
    this.place.addEventListener("keydown", (event) => this.key(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.shape = "";
      this.redraw();
    });
    new ResizeObserver(() => {
      for (const chart of this.charts) chart.setSize({ width: widthOf(chart), height: HEIGHT });
    }).observe(this.place);
  }

  show(runs: readonly Run[]): void {
    const version = runs.reduce((total, run) => total + run.version, 0);
    this.runs = runs;
    if (version === this.drawnVersion) return;
    this.drawnVersion = version;
    this.redraw();
  }

  private redraw(): void {
    const kinds = [
      { title: "Loss", curves: this.losses() },
      { title: "Accuracy", curves: this.accuracies() },
      { title: "Samples per second", curves: this.paces() },
    ];
    const shape = kinds.map(({ curves }) => curves.map(({ label }) => label).join()).join(";");
    if (shape !== this.shape) {
      this.shape = shape;
      for (const chart of this.charts) chart.destroy();
      this.place.replaceChildren();
      this.charts = kinds.map(({ title, curves }) => this.chart(title, curves));
    }
    kinds.forEach(({ curves }, index) => {
      const chart = this.charts[index];
      if (!chart) return;
      chart.setData(tableOf(curves), !this.zoom);
      if (this.zoom) chart.setScale("x", this.zoom);
    });
  }

  private named(label: string, run: Run): string {
    return this.runs.length > 1 ? `${run.name}: ${label}` : label;
  }

  private losses(): Curve[] {
    const weight = Number(this.smoothing.value);
    return this.runs.flatMap((run, index) => {
      const ink = colour(SERIES_COLOURS[index % SERIES_COLOURS.length]!);
      const smooth = { steps: run.loss.steps, values: smoothed(run.loss.values, weight) };
      const raw = { label: this.named("each step", run), series: run.loss, colour: `${ink}40` };
      return [raw, { label: this.named("smoothed", run), series: smooth, colour: ink, width: 2 }];
    });
  }

  private accuracies(): Curve[] {
    return this.runs.flatMap((run, index) => {
      const dash = DASHES[index % DASHES.length]!;
      const [one, two] = [colour("one"), colour("two")];
      return [
        { label: this.named("training", run), series: run.trainAccuracy, colour: two, dash },
        { label: this.named("test", run), series: run.testAccuracy, colour: one, dash, width: 2 },
      ];
    });
  }

  private paces(): Curve[] {
    return this.runs.map((run, index) => ({
      label: this.named("samples/s", run),
      series: rates(run.durationMs, run.batchSize),
      colour: colour(SERIES_COLOURS[(index + 2) % SERIES_COLOURS.length]!),
    }));
  }

  private chart(title: string, curves: readonly Curve[]): uPlot {
    const holder = made("div", { class: "chart" });
    this.place.append(holder);
    const axis = { stroke: colour("faint"), grid: { stroke: colour("line"), width: 1 } };
    const options: uPlot.Options = {
      title,
      width: holder.clientWidth || 320,
      height: HEIGHT,
      scales: { x: { time: false } },
      cursor: { sync: { key: "step" }, drag: { x: true, y: false, setScale: false } },
      axes: [axis, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => short(tick)) }],
      series: [
        { label: "step" },
        ...curves.map(({ label, colour: stroke, dash, width }) => ({
          label,
          stroke,
          width: width ?? 1,
          spanGaps: true,
          ...(dash ? { dash } : {}),
          value: (_: uPlot, value: number | null) => short(value),
        })),
      ],
      hooks: {
        draw: [(chart) => this.drawMarks(chart)],
        setSelect: [
          (chart) => {
            const { left, width } = chart.select;
            const range = [left, left + width].map((place) => chart.posToVal(place, "x"));
            if (width > 0) this.zoomTo(range[0]!, range[1]!);
          },
        ],
      },
    };
    const chart = new uPlot(options, tableOf(curves), holder);
    chart.over.addEventListener("dblclick", () => this.unzoom());
    return chart;
  }

  private drawMarks(chart: uPlot): void {
    const { ctx, bbox } = chart;
    const bad = colour("bad");
    const good = colour("three");
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const { step, what } of this.runs[0]?.marks ?? []) {
      const x = chart.valToPos(step, "x", true);
      if (!DRAWN.includes(what) || x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.strokeStyle = what === "joined" ? good : bad;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  private unzoom(): void {
    this.zoom = undefined;
    for (const chart of this.charts) chart.setData(chart.data);
  }

  /** All curves show the same steps. */
  private zoomTo(min: number, max: number): void {
    this.zoom = { min, max };
    for (const chart of this.charts) chart.setScale("x", { min, max });
  }

  private key(event: KeyboardEvent): void {
    const [chart] = this.charts;
    const { min = 0, max = 0 } = chart?.scales["x"] ?? {};
    const width = max - min;
    const to: Record<string, [number, number] | undefined> = {
      "+": [min + width / 4, max - width / 4],
      "-": [min - width / 2, max + width / 2],
      ArrowLeft: [min - width / 4, max - width / 4],
      ArrowRight: [min + width / 4, max + width / 4],
    };
    const range = to[event.key];
    if (event.key === "0") this.unzoom();
    else if (range) this.zoomTo(...range);
    else return;
    event.preventDefault();
  }
}

function widthOf(chart: uPlot): number {
  return chart.root.parentElement?.clientWidth ?? chart.width;
}

/** One column of steps, and for each curve a column of values with gaps where it has none. */
function tableOf(curves: readonly Curve[]): uPlot.AlignedData {
  return uPlot.join(curves.map(({ series }) => [series.steps, series.values]));
}
