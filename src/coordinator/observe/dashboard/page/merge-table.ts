// One channel's moments as a table: of each shard, merged, and of the population. Also the error that averaging the shards'
// variances would make.
import { byId, createElement, formatNumber } from "./dom.js";

export interface ChannelMoments {
  mean: number;
  variance: number;
}

/** @param shards of the newest step; only some of them if there are many */
export function showMergeTable(
  shards: readonly ChannelMoments[],
  merged: ChannelMoments,
  population: ChannelMoments,
  title: string,
): void {
  const rows = [
    ...shards.map((moments, shard) => createRow([String(shard)], moments)),
    createRow([createSwatch("swatch merged"), "merged"], merged, "sum"),
    createRow([createSwatch("swatch ring population"), "population"], population),
  ];
  byId("merge", HTMLTableElement).replaceChildren(
    createElement("caption", { text: noteOf(shards, merged) }),
    createElement("thead", {}, [
      createElement("tr", {}, [
        createElement("th", { text: title }),
        createElement("th", { class: "num", text: "mean" }),
        createElement("th", { class: "num", text: "variance" }),
      ]),
    ]),
    createElement("tbody", {}, rows),
  );
}

function createSwatch(name: string): HTMLElement {
  return createElement("i", { class: name });
}

function createRow(
  name: readonly (string | Node)[],
  { mean, variance }: ChannelMoments,
  kind = "",
): HTMLElement {
  const label = createElement("span");
  label.append(...name);
  return createElement("tr", { class: kind }, [
    createElement("th", {}, [label]),
    createElement("td", { class: "num", text: fixed(mean) }),
    createElement("td", { class: "num", text: fixed(variance) }),
  ]);
}

/** The variance of the whole batch is the mean of the shards' variances plus the variance of their means. */
function noteOf(shards: readonly ChannelMoments[], merged: ChannelMoments): string {
  if (shards.length < 2 || !(merged.variance > 0)) return "";
  const average = shards.reduce((sum, { variance }) => sum + variance, 0) / shards.length;
  const percent = (100 * (merged.variance - average)) / merged.variance;
  return `The merged variance includes the spread between the shards' means. The average of the shards' variances, ${fixed(average)}, is ${formatNumber(Math.abs(percent), 2)} % too ${percent < 0 ? "large" : "small"}.`;
}

function fixed(value: number): string {
  return Number.isFinite(value) ? value.toPrecision(4) : "–";
}
