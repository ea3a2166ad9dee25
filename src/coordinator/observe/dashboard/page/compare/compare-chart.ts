// A chart with the curves of several entries, named at their ends. Drawn by uPlot.
import uPlot from "uplot";
import { LOG_SCALE, moveCursor } from "../chart.js";
import { themeColour } from "../dom.js";
import { spreadApart } from "../end-labels.js";
import type { Entry } from "./entry.js";
import { dashOf, hueOf } from "./run-mark.js";
import { logTicksBetween, ticksBetween } from "../ticks.js";

const HEIGHT = 288;
const AXIS_WIDTH = 50;
const LABEL_HEIGHT = 16;
const NAME_WIDTH = 132;
/** More could not be distinguished. */
const MAX_LABELS = 14;
const FONT = "system-ui, sans-serif";

export interface Line {
  entry: Entry;
  x: number[];
  y: number[];
  /** The band around a mean. */
  band: { lows: number[]; highs: number[] } | undefined;
}

export interface AxisOptions {
  range: readonly [min: number, max: number];
  isLog: boolean;
  text: (value: number) => string;
}

export interface ChartOptions {
  lines: readonly Line[];
  x: AxisOptions;
  y: AxisOptions;
  /** On phones curves are named by their letter only. */
  isNarrow: boolean;
}

export class CompareChart {
  private readonly host: HTMLElement;
  private readonly onCursor: (x: number | undefined) => void;
  private plot: uPlot | undefined;
  private options: ChartOptions | undefined;

  /** @param onCursor called when the pointer or a key moves the cursor; undefined: the cursor is hidden */
  constructor(host: HTMLElement, onCursor: (x: number | undefined) => void) {
    this.host = host;
    this.onCursor = onCursor;
    new ResizeObserver(() => {
      this.plot?.setSize({ width: host.clientWidth, height: HEIGHT });
    }).observe(host);
    host.addEventListener("keydown", (event) => {
      if (this.plot) moveCursor(this.plot, event);
    });
  }

  show(options: ChartOptions): void {
    this.options = options;
    this.plot?.destroy();
    const { lines } = options;
    const series = lines.flatMap((line) => seriesOf(line));
    const right = options.isNarrow || lines.length > MAX_LABELS ? 32 : NAME_WIDTH;
    this.plot = new uPlot(
      {
        width: this.host.clientWidth || 320,
        height: HEIGHT,
        padding: [8, lines.length === 0 ? 8 : right, 0, 0],
        legend: { show: false },
        cursor: {
          drag: { x: false, y: false },
          y: false,
          points: { size: 7 },
          dataIdx: nearestBefore,
        },
        scales: { x: scaleOptions(options.x), y: scaleOptions(options.y) },
        axes: [
          { ...axisOptions(options.x), size: 26 },
          { ...axisOptions(options.y), size: AXIS_WIDTH },
        ],
        series: [{}, ...series],
        bands: bandsOf(lines),
        hooks: {
          draw: [(plot) => this.nameEnds(plot)],
          setCursor: [(plot) => this.onCursor(cursorValue(plot))],
        },
      },
      tableOf(lines),
      this.host,
    );
  }

  /** Puts the cursor at this x; undefined hides it. */
  setCursor(x: number | undefined): void {
    const { plot } = this;
    if (!plot) return;
    const left = x === undefined ? -10 : plot.valToPos(x, "x");
    if (Math.abs((plot.cursor.left ?? -10) - left) < 0.5) return;
    plot.setCursor({ left, top: x === undefined ? -10 : 0 }, false);
  }

  /** Names at the curves' ends, moved apart if they would overlap. */
  private nameEnds(plot: uPlot): void {
    const { lines = [], isNarrow = false } = this.options ?? {};
    if (lines.length > MAX_LABELS) return;
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    const ends = lines.flatMap(({ entry, x, y }) => {
      const [lastX, lastY] = [x.at(-1), y.at(-1)];
      if (lastX === undefined || lastY === undefined) return [];
      const at = plot.valToPos(lastY, "y", true);
      const isInside = at >= bbox.top - 1 && at <= bbox.top + bbox.height + 1;
      return isInside ? [{ entry, x: plot.valToPos(lastX, "x", true), y: at, textY: at }] : [];
    });
    spreadApart(ends, LABEL_HEIGHT * scale, bbox.top + 4 * scale, bbox.top + bbox.height);
    ctx.save();
    ctx.font = `600 ${13 * scale}px ${FONT}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    for (const { entry, x, y, textY } of ends) {
      ctx.fillStyle = themeColour(hueOf(entry));
      ctx.beginPath();
      ctx.arc(x, y, 3 * scale, 0, 2 * Math.PI);
      ctx.fill();
      const textX = x + 8 * scale;
      const name = isNarrow ? entry.letter : `${entry.letter} ${entry.name}`;
      ctx.fillText(fit(ctx, name, ctx.canvas.width - textX), textX, textY);
    }
    ctx.restore();
  }
}

function seriesOf({ entry, band }: Line): uPlot.Series[] {
  const stroke = themeColour(hueOf(entry));
  const curve: uPlot.Series = {
    stroke,
    width: 1.75,
    dash: [...dashOf(entry)],
    spanGaps: true,
    points: { show: false },
  };
  // The band's edges are not drawn as lines.
  const edge: uPlot.Series = { stroke, width: 0, spanGaps: true, points: { show: false } };
  return band ? [curve, edge, edge] : [curve];
}

function bandsOf(lines: readonly Line[]): uPlot.Band[] {
  let index = 1;
  return lines.flatMap(({ entry, band }) => {
    const first = index;
    index += band ? 3 : 1;
    const fill = `${themeColour(hueOf(entry))}2e`;
    return band ? [{ series: [first + 2, first + 1], fill } satisfies uPlot.Band] : [];
  });
}

/** One column of x and, for each line, its columns, with gaps where it has no value. */
function tableOf(lines: readonly Line[]): uPlot.AlignedData {
  if (lines.length === 0) return [[]];
  const tables = lines.map(({ x, y, band }): uPlot.AlignedData => {
    return band ? [x, y, band.lows, band.highs] : [x, y];
  });
  return uPlot.join(tables);
}

function scaleOptions({ range: [min, max], isLog }: AxisOptions): uPlot.Scale {
  return { time: false, range: [min, max], ...(isLog ? { distr: LOG_SCALE } : {}) };
}

function axisOptions({ range: [min, max], isLog, text }: AxisOptions): uPlot.Axis {
  return {
    stroke: themeColour("ink-2"),
    grid: { stroke: themeColour("line"), width: 1 },
    ticks: { show: false },
    font: `12px ${FONT}`,
    splits: (plot, axis) => {
      const side = axis === 0 ? plot.width / 120 : HEIGHT / 52;
      return isLog ? logTicksBetween(min, max) : ticksBetween(min, max, Math.max(2, side));
    },
    // By default uPlot hides most lines of a logarithmic axis.
    filter: (_plot, splits) => splits,
    values: (_plot, splits) => splits.map(text),
  };
}

/** At most x values of the other lines, a line has no value of its own: its last one before the cursor counts. */
function nearestBefore(plot: uPlot, seriesIndex: number, index: number): number {
  const values = plot.data[seriesIndex];
  for (let at = index; at >= 0; at--) {
    if (values?.[at] !== null && values?.[at] !== undefined) return at;
  }
  return index;
}

function cursorValue(plot: uPlot): number | undefined {
  const { left } = plot.cursor;
  return left === undefined || left < 0 ? undefined : plot.posToVal(left, "x");
}

/** Shortens text that is too wide in the middle, because names of runs differ at their ends. */
function fit(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  for (let length = text.length; length > 4; length--) {
    const half = Math.floor(length / 2);
    const short =
      length === text.length ? text : `${text.slice(0, length - half - 1)}…${text.slice(-half)}`;
    if (ctx.measureText(short).width <= width) return short;
  }
  return text.slice(0, 1);
}
