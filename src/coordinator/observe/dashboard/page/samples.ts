// Test samples as pictures or table rows: those that were classified wrongly, or those whose values were predicted worst.
import type { PictureShape, ShownSample } from "../page-update.js";
import { createElement, formatNumber, unpackBytes } from "./dom.js";
import { createPicture } from "./picture.js";

/** In pixels. Small pictures are shown at about this size, larger ones larger. */
const MIN_SIDE = 60;
const MAX_SIDE = 96;
/** Characters on one line of truth and prediction together. */
const MAX_LINE = 4;
const MISSING = "–";

/** A sample and what is said about it. */
export interface Captioned {
  sample: ShownSample;
  /** Below a picture: the truth and the prediction. */
  caption: readonly [truth: string, predicted: string];
  /** The complete text, even if it is too long for its place. */
  title: string;
  /** Cells of a row that precede the sample's own values. */
  cells: readonly string[];
}

export function createPictures(samples: readonly Captioned[], picture: PictureShape): HTMLElement {
  const items = samples.map(({ sample, caption, title }) => {
    const pixels = unpackBytes(sample.pixels ?? "");
    return createElement("li", { title }, [
      createPicture(pixels, picture),
      ...captionLines(caption),
    ]);
  });
  const list = createElement("ul", { class: "pictures" }, items);
  const side = Math.min(MAX_SIDE, Math.max(MIN_SIDE, picture.height, picture.width));
  list.style.setProperty("--side", `${side}px`);
  return list;
}

/**
 * @param heads of the cells with what is said about a sample, such as its label
 * @param columns of the sample's own values
 */
export function createRows(
  samples: readonly Captioned[],
  heads: readonly string[],
  columns: readonly string[],
): HTMLElement {
  const head = ["sample", ...heads, ...columns].map((text) => {
    const th = createElement("th", { text, title: text });
    th.scope = "col";
    return th;
  });
  const rows = samples.map(({ sample, title, cells }) => {
    const own = (sample.row ?? []).map(cellText);
    const texts = [String(sample.index), ...cells, ...own];
    return createElement(
      "tr",
      { title },
      texts.map((text) => createElement("td", { text })),
    );
  });
  return createElement("table", { class: "rows" }, [
    createElement("thead", {}, [createElement("tr", {}, head)]),
    createElement("tbody", {}, rows),
  ]);
}

/** On one line if both are short. */
function captionLines([truth, predicted]: Captioned["caption"]): HTMLElement[] {
  const isShort = truth.length + predicted.length <= MAX_LINE;
  const texts = isShort ? [`${truth} → ${predicted}`] : [truth, `→ ${predicted}`];
  return texts.map((text) => createElement("span", { text }));
}

function cellText(value: string | number | null): string {
  if (value === null) return MISSING;
  return typeof value === "number" ? formatNumber(value, 5) : value;
}
