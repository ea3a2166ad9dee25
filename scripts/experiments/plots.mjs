// Draws the plots of the experiments as SVG from Vega-Lite descriptions. Each plot is readable on a light and on a dark page: its
// own style sheet chooses colours by the reader's preference.
import { parse, View } from "vega";
import { compile } from "vega-lite";
import { isLast } from "./results.mjs";
import { accuracyOf } from "./statistics.mjs";

/** @typedef {import("./results.mjs").Row} Row */
/** @typedef {import("vega-lite").TopLevelSpec} Spec */

/** Each colour on a light page and its counterpart on a dark one. */
const COLOURS = {
  background: ["#ffffff", "#0d1117"],
  text: ["#1f2328", "#e6edf3"],
  grid: ["#d8dee4", "#30363d"],
  normalised: ["#0969da", "#58a6ff"],
  plain: ["#bc4c00", "#f0883e"],
  third: ["#1a7f37", "#3fb950"],
};
/** @param {keyof typeof COLOURS} name */
export const light = (name) => COLOURS[name][0] ?? "";

const CONFIG = {
  // The documents describe the plots. A label on each mark would double the size of the files.
  aria: false,
  background: light("background"),
  font: "system-ui, sans-serif",
  view: { stroke: light("grid") },
  axis: {
    labelLimit: 0,
    ...{ labelColor: light("text"), titleColor: light("text"), titleFontWeight: "normal" },
    ...{ gridColor: light("grid"), domainColor: light("grid"), tickColor: light("grid") },
  },
  legend: {
    labelLimit: 0,
    symbolOpacity: 1,
    labelColor: light("text"),
    titleColor: light("text"),
    titleFontWeight: "normal",
  },
  header: { labelColor: light("text"), titleColor: light("text"), titleFontWeight: "normal" },
};

const NORMALISED = "with batch normalisation";
const PLAIN = "without";

/** @param {Row} row */
const isNormalised = ({ network }) => !network.endsWith("-plain");
/** @param {Row} row */
const familyOf = ({ network }) => (network.startsWith("cnn") ? "convolutional" : "sigmoid");

/** Every accuracy in percent, with the properties that the plots distinguish. @param {Row} row */
function toPoint(row) {
  return {
    ...row,
    accuracy: 100 * accuracyOf(row),
    error: 100 * (1 - accuracyOf(row)),
    normalisation: isNormalised(row) ? NORMALISED : PLAIN,
    family: familyOf(row),
  };
}

const ACCURACY = { field: "accuracy", type: "quantitative", title: "test accuracy, %" };
/** A logarithmic scale of errors: 10 % and 1 % are as far apart as 1 % and 0.1 %. */
const ERROR = {
  ...{ field: "error", type: "quantitative", title: "test error, %", scale: { type: "log" } },
  axis: { values: [1, 2, 5, 10, 20, 50, 100] },
};
const NORMALISATION = {
  field: "normalisation",
  type: "nominal",
  title: null,
  scale: { domain: [NORMALISED, PLAIN], range: [light("normalised"), light("plain")] },
  legend: { orient: "top" },
};

/** The mean of the seeds as a line, their range as a band, each seed as a point. */
const MEAN_AND_SEEDS = [
  { mark: { type: "errorband", extent: "range", opacity: 0.2 } },
  { mark: { type: "line" }, encoding: { y: { ...ACCURACY, aggregate: "mean" } } },
  { mark: { type: "point", filled: true, size: 14, opacity: 0.8 } },
];

/** @param {readonly Row[]} rows */
function ratesPlot(rows) {
  return {
    data: { values: rows.filter(isLast).map(toPoint) },
    facet: {
      column: { field: "deviation", type: "ordinal", title: "σ of the initial weights" },
      row: { field: "family", type: "nominal", title: null },
    },
    spec: {
      ...{ width: 190, height: 170 },
      encoding: {
        x: {
          ...{ field: "learningRate", type: "quantitative", scale: { type: "log" } },
          axis: { values: [1e-4, 1e-3, 1e-2, 1e-1], format: "~e", title: "learning rate" },
        },
        y: { ...ACCURACY, scale: { domain: [0, 100] } },
        color: NORMALISATION,
      },
      layer: MEAN_AND_SEEDS,
    },
  };
}

/** @param {readonly Row[]} rows */
function stepsPlot(rows) {
  return {
    data: { values: rows.filter(({ step }) => step > 0).map(toPoint) },
    facet: { column: { field: "family", type: "nominal", title: null } },
    spec: {
      ...{ width: 310, height: 280 },
      encoding: {
        x: {
          ...{ field: "step", type: "quantitative", scale: { type: "log", nice: false } },
          axis: { title: "step", values: [50, 100, 200, 500, 1000, 2000, 5000] },
        },
        y: ERROR,
        color: NORMALISATION,
        detail: { field: "learningRate" },
      },
      layer: [
        { mark: { type: "errorband", extent: "range", opacity: 0.15 } },
        {
          mark: { type: "line" },
          encoding: {
            y: { ...ERROR, aggregate: "mean" },
            strokeDash: {
              ...{ field: "learningRate", type: "ordinal", title: "learning rate" },
              legend: { orient: "top", symbolStrokeColor: light("text"), format: "~e" },
            },
          },
        },
      ],
    },
    resolve: { scale: { x: "independent" } },
  };
}

/** @param {readonly Row[]} rows */
function dropoutPlot(rows) {
  const values = rows.filter(isLast).map((row) => ({
    ...toPoint(row),
    setting:
      `${isNormalised(row) ? "batch normalisation" : "neither"}${row.dropout > 0 ? " + dropout" : ""}`.replace(
        "neither + dropout",
        "dropout",
      ),
    images: `${row.trainingImages.toLocaleString("en")} training images`,
  }));
  const order = ["neither", "dropout", "batch normalisation", "batch normalisation + dropout"];
  return {
    data: { values },
    facet: { column: { field: "images", type: "nominal", title: null, sort: "descending" } },
    spec: {
      ...{ width: 250, height: 120 },
      encoding: {
        y: { field: "setting", type: "nominal", title: null, sort: order },
        x: { ...ACCURACY, scale: { zero: false, nice: true } },
        color: NORMALISATION,
      },
      layer: [
        { mark: { type: "point", filled: true, size: 40, opacity: 0.8 } },
        {
          mark: { type: "tick", thickness: 2, size: 18 },
          encoding: { x: { ...ACCURACY, aggregate: "mean", scale: { zero: false } } },
        },
      ],
    },
    resolve: { scale: { x: "independent" } },
  };
}

/** @param {readonly Row[]} rows */
function ghostPlot(rows) {
  const values = rows.filter(isLast).map((row) => ({
    ...toPoint(row),
    kind:
      row.batchNorm === "ghost" ? "each shard's own moments (ghost)" : "the batch's moments (sync)",
    samples: 50 / row.shards,
  }));
  return {
    data: { values },
    ...{ width: 420, height: 240 },
    encoding: {
      x: {
        ...{ field: "samples", type: "quantitative", scale: { type: "log" } },
        axis: { values: [2, 5, 10, 25, 50], title: "samples of a shard, of a batch of 50" },
      },
      y: { ...ACCURACY, scale: { zero: false } },
      color: {
        ...{ field: "kind", type: "nominal", title: null, legend: { orient: "top" } },
        scale: { range: [light("plain"), light("normalised")] },
      },
    },
    layer: MEAN_AND_SEEDS,
  };
}

/** @type {Record<string, (rows: readonly Row[]) => object>} */
const PLOTS = { rates: ratesPlot, dropout: dropoutPlot, steps: stepsPlot, ghost: ghostPlot };

/** @param {string} experiment @param {readonly Row[]} rows @returns {Promise<{file: string, svg: string}[]>} */
export async function drawPlots(experiment, rows) {
  const plot = PLOTS[experiment];
  if (!plot || rows.length === 0) return [];
  return [{ file: `${experiment}.svg`, svg: await drawSvg(plot(rows)) }];
}

/** @param {object} plot a Vega-Lite description in colours of `light` @returns {Promise<string>} */
export async function drawSvg(plot) {
  const spec = /** @type {Spec} */ ({ ...plot, config: CONFIG });
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return withDarkColours(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** CSS takes precedence over the attributes that Vega writes. @param {string} svg */
export function withDarkColours(svg) {
  const rules = Object.values(COLOURS).flatMap(([own, dark]) =>
    ["fill", "stroke"].map((property) => `[${property}="${own}"]{${property}:${dark}}`),
  );
  const style = `<style>@media (prefers-color-scheme:dark){${rules.join("")}}</style>`;
  return svg.replace(/<svg[^>]*>/, (tag) => `${tag}${style}`);
}
