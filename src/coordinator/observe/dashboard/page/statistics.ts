// What batch normalisation does: the moments that each shard was normalised with, their exact merge, and the population
// statistics, which converge to it. Hidden for networks without batch normalisation.
import type { LayerStatistics, PackedMoments, PageUpdateOf } from "../page-update.js";
import { drawChannels, type LayerValues } from "./channels.js";
import { byId, formatCount, formatNumber, onThemeChange, unpackFloats } from "./dom.js";
import { showMergeTable } from "./merge-table.js";
import type { Run } from "./run.js";
import { append, emptySeries } from "./series.js";
import { StepChart } from "./step-chart.js";

const HISTORY_HEIGHT = 176;
/** If there are more shards, an update contains only some. */
const MAX_SHARDS = 16;

const LEDES = {
  ghost:
    "Each shard is normalised with its own moments. Merged, they are exactly the moments of the whole batch. The population statistics, which inference uses, converge to them.",
  sync: "All shards are normalised with the moments of the whole batch, merged from the shards' own moments. The population statistics, which inference uses, converge to them.",
};

type Moment = keyof PackedMoments;

export class Statistics {
  private readonly layer = byId("layer", HTMLSelectElement);
  private readonly moment = byId("moment", HTMLSelectElement);
  private readonly channel = byId("channel", HTMLInputElement);
  private readonly history: StepChart;
  private run: Run | undefined;
  private drawn: PageUpdateOf<"statistics"> | undefined;

  constructor() {
    this.history = new StepChart(
      byId("channel-history", HTMLElement),
      byId("channel-key", HTMLElement),
      { height: HISTORY_HEIGHT, hasSteps: true, text: (value) => formatNumber(value, 3) },
    );
    for (const control of [this.layer, this.moment, this.channel]) {
      control.addEventListener("input", () => this.redraw());
    }
    onThemeChange(() => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(byId("channels", HTMLElement));
  }

  show(run: Run): void {
    this.run = run;
    const newest = run.statistics.at(-1);
    // If the network has such layers, the panel has its place from the start.
    const isShown = run.isNormalised && (newest !== undefined || run.end === undefined);
    byId("statistics-section", HTMLElement).hidden = !isShown;
    byId("statistics-link", HTMLElement).hidden = !isShown;
    byId("statistics-lede", HTMLElement).textContent = LEDES[run.description?.batchNorm ?? "ghost"];
    const rows = Math.min(MAX_SHARDS, run.description?.shards ?? 1);
    byId("merge-holder", HTMLElement).style.setProperty("--rows", String(rows));
    if (newest === this.drawn) return;
    this.drawn = newest;
    const names = newest?.layers.map(({ name }) => name) ?? [];
    const shown = [...this.layer.options].map(({ value }) => value);
    if (names.join() !== shown.join()) {
      this.layer.replaceChildren(...names.map((name) => new Option(name, name)));
    }
    this.redraw();
  }

  private redraw(): void {
    const newest = this.run?.statistics.at(-1);
    const layer = newest?.layers.find(({ name }) => name === this.layer.value);
    if (!newest || !layer) return;
    const values = valuesOf(layer, this.moment.value === "mean" ? "mean" : "variance");
    const lastChannel = values.merged.length - 1;
    this.channel.max = String(lastChannel);
    const chosen = Math.min(Math.max(0, Math.floor(Number(this.channel.value))), lastChannel);
    const container = byId("channels", HTMLElement);
    const drawing = drawChannels(values, chosen, container.clientWidth || 320, (channel) => {
      this.channel.value = String(channel);
      this.redraw();
    });
    container.replaceChildren(drawing);
    this.showHistory(chosen);
    this.showMerge(layer, chosen, newest.step);
  }

  /** The chosen channel over the run: the merged moments and the population statistics that follow them. */
  private showHistory(channel: number): void {
    byId("channel-title", HTMLElement).textContent = `Channel ${channel} over the run`;
    const [merged, population] = [emptySeries(), emptySeries()];
    const moment = this.moment.value === "mean" ? "mean" : "variance";
    for (const { step, layers } of this.run?.statistics ?? []) {
      const layer = layers.find(({ name }) => name === this.layer.value);
      if (!layer) continue;
      append(merged, step, unpackFloats(layer.merged[moment])[channel] ?? NaN);
      append(population, step, unpackFloats(layer.population[moment])[channel] ?? NaN);
    }
    const [min = 0, max = 1] = [merged.steps[0], merged.steps.at(-1)];
    this.history.show(
      [
        { label: "merged", series: merged, colour: "merged" },
        { label: "population", series: population, colour: "population" },
      ],
      {},
      { min, max: Math.max(max, min + 1) },
    );
  }

  private showMerge(
    { name, shards, merged, population }: LayerStatistics,
    channel: number,
    step: number,
  ): void {
    const of = ({ mean, variance }: PackedMoments) => ({
      mean: unpackFloats(mean)[channel] ?? NaN,
      variance: unpackFloats(variance)[channel] ?? NaN,
    });
    const title = `${name}, channel ${channel}, step ${formatCount(step)}`;
    showMergeTable(shards.map(of), of(merged), of(population), title);
  }
}

function valuesOf({ shards, merged, population }: LayerStatistics, moment: Moment): LayerValues {
  return {
    shards: shards.map((each) => unpackFloats(each[moment])),
    merged: unpackFloats(merged[moment]),
    population: unpackFloats(population[moment]),
  };
}
