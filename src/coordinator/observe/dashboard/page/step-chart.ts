// A chart of curves by step: lines with names at their ends, values under the cursor beside the title, and the run's events as
// dashed lines. All charts of a group share the cursor and the visible steps. Drawn by uPlot.
import uPlot from "uplot";
import { LOG_SCALE } from "./chart.js";
import { createElement, formatCount, themeColour } from "./dom.js";
import { drawEndLabels, LABEL_FONT } from "./end-labels.js";
import type { Series } from "./series.js";
import { logTicksBetween, ticksBetween } from "./ticks.js";

const AXIS_WIDTH = 50;
const LABEL_WIDTH = 92;
/** In narrower charts curves have no names at their ends: the key beside the title names them. */
const NARROW = 560;
/** A logarithmic axis cannot show 0. */
const LEAST = 1e-9;

export interface Curve {
  label: string;
  series: Series;
  /** Name of a theme colour. */
  colour: string;
  /** Thin and pale, for the values behind a smoothed curve. */
  isFaint?: boolean;
}

export interface StepChartOptions {
  /** Fixed, in pixels. */
  height: number;
  /** Whether step numbers are written below. They also hold for the charts above. */
  hasSteps: boolean;
  /** Room above the lines for the names of events. */
  top?: number;
  text: (value: number) => string;
  /** Text on the axis; default: the same as elsewhere. */
  axisText?: (value: number) => string;
  onDraw?: (plot: uPlot) => void;
  onZoom?: (min: number, max: number) => void;
  onReset?: () => void;
}

export interface StepAxes {
  isLog?: boolean;
  /** Whether a linear axis always shows 0. */
  isFromZero?: boolean;
  /** A fixed range; undefined: that of the visible values. */
  range?: readonly [min: number, max: number];
}

export class StepChart {
  plot: uPlot | undefined;
  private readonly host: HTMLElement;
  private readonly key: HTMLElement;
  private readonly options: StepChartOptions;
  private curves: readonly Curve[] = [];
  private axes: StepAxes = {};
  /** For what the plot was built. */
  private shape = "";

  constructor(host: HTMLElement, key: HTMLElement, options: StepChartOptions) {
    this.host = host;
    this.key = key;
    this.options = options;
    new ResizeObserver(() => {
      this.build();
      this.showKey();
    }).observe(host);
  }

  /** @param steps the visible ones */
  show(curves: readonly Curve[], axes: StepAxes, steps: { min: number; max: number }): void {
    this.curves = curves;
    this.axes = axes;
    this.build();
    this.plot?.setData(this.table(), false);
    this.plot?.setScale("x", steps);
    this.showKey();
  }

  /** Builds the plot if it has to differ from the existing one, as after a change of colours. */
  private build(): void {
    const width = this.host.clientWidth;
    if (width === 0 || this.curves.length === 0) return;
    const { isLog = false } = this.axes;
    const names = this.curves.map(({ label, colour }) => `${label}${themeColour(colour)}`);
    const shape = [width, isLog, themeColour("line"), ...names].join();
    if (shape === this.shape) return;
    this.shape = shape;
    this.plot?.destroy();
    const { height, hasSteps, top = 8, text, axisText = text } = this.options;
    const axis = axisStyle();
    const steps = (_: uPlot, ticks: number[]) =>
      ticks.map((tick) => (hasSteps && Number.isInteger(tick) ? formatCount(tick) : ""));
    const plot = new uPlot(
      {
        width,
        height,
        padding: [top, width < NARROW ? 12 : LABEL_WIDTH, 0, 0],
        legend: { show: false },
        cursor: {
          sync: { key: "step" },
          drag: { x: true, y: false, setScale: false },
          y: false,
          points: { size: 7 },
          dataIdx: nearestBefore,
        },
        scales: {
          x: { time: false },
          y: {
            ...(isLog ? { distr: LOG_SCALE } : {}),
            range: (_, min, max) => this.rangeOf(min, max),
          },
        },
        axes: [
          { ...axis, size: hasSteps ? 26 : 6, space: 90, values: steps },
          {
            ...axis,
            size: AXIS_WIDTH,
            splits: (_plot, _axis, min, max) => {
              return isLog ? logTicksBetween(min, max) : ticksBetween(min, max, height / 52);
            },
            filter: (_, splits) => splits,
            values: (_, splits) => splits.map(axisText),
          },
        ],
        series: [{}, ...this.curves.map(lineStyle)],
        hooks: {
          draw: [
            (drawn) => {
              this.options.onDraw?.(drawn);
              if (width >= NARROW) this.nameEnds(drawn);
            },
          ],
          setCursor: [() => this.showKey()],
          setSelect: [(selected) => this.zoom(selected)],
        },
      },
      this.table(),
      this.host,
    );
    plot.over.addEventListener("dblclick", () => this.options.onReset?.());
    this.plot = plot;
  }

  private rangeOf(min: number | null, max: number | null): [number, number] {
    const { range, isLog, isFromZero = false } = this.axes;
    if (range) return [...range];
    if (min === null || max === null) return isLog ? [0.1, 1] : [0, 1];
    if (isLog) return [min / 1.25, max * 1.25];
    return uPlot.rangeNum(isFromZero ? Math.min(0, min) : min, max, 0.1, isFromZero) as [
      number,
      number,
    ];
  }

  /** One column of steps and, for each curve, a column of values with gaps where it has none. */
  private table(): uPlot.AlignedData {
    const { isLog = false } = this.axes;
    const valuesOf = ({ values }: Series) => {
      return isLog ? values.map((value) => Math.max(value, LEAST)) : values;
    };
    return uPlot.join(this.curves.map(({ series }) => [series.steps, valuesOf(series)]));
  }

  private nameEnds(plot: uPlot): void {
    const named = this.curves.filter(({ isFaint }) => !isFaint);
    drawEndLabels(
      plot,
      named.map(({ label, colour, series }) => {
        return {
          name: label,
          colour: themeColour(colour),
          x: series.steps.at(-1),
          y: series.values.at(-1),
        };
      }),
    );
  }

  private zoom(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width <= 0) return;
    this.options.onZoom?.(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  /** Each curve's value under the cursor, or else its newest. */
  private showKey(): void {
    const { text } = this.options;
    const index = this.plot?.cursor.idx;
    const entries = this.curves.map(({ label, colour, series, isFaint }, curve) => {
      const at = index === null || index === undefined ? undefined : index;
      const value =
        at === undefined || !this.plot
          ? series.values.at(-1)
          : this.plot.data[curve + 1]?.[nearestBefore(this.plot, curve + 1, at)];
      const swatch = createElement("i", { class: isFaint ? "swatch thin" : "swatch" });
      swatch.style.setProperty("--c", `var(--${colour})`);
      const shown = value === null || value === undefined ? "–" : text(value);
      return createElement("span", {}, [
        swatch,
        document.createTextNode(label),
        createElement("b", { text: shown }),
      ]);
    });
    this.key.replaceChildren(...entries);
  }
}

function axisStyle() {
  return {
    stroke: themeColour("ink-2"),
    grid: { stroke: themeColour("line"), width: 1 },
    ticks: { show: false },
    font: `12px ${LABEL_FONT}`,
  };
}

function lineStyle({ colour, isFaint = false }: Curve): uPlot.Series {
  const stroke = themeColour(colour);
  return {
    stroke: isFaint ? `${stroke}59` : stroke,
    width: isFaint ? 1 : 2,
    spanGaps: true,
    points: { show: false },
  };
}

/** At most steps of the other curves, a curve has no value of its own: its last one before the cursor counts. */
function nearestBefore(plot: uPlot, seriesIndex: number, index: number): number {
  const values = plot.data[seriesIndex];
  for (let at = index; at >= 0; at--) {
    if (values?.[at] !== null && values?.[at] !== undefined) return at;
  }
  return index;
}
