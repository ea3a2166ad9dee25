// What batch normalisation does: the moments that each shard was normalised with, their exact merge, and the population
// statistics converging to it. Hidden for networks without it.
import uPlot from "uplot";
import type { LayerStatistics, PackedMoments } from "../page-update.js";
import { drawChannels, type LayerValues } from "./channels.js";
import {
  byId,
  createLegend,
  formatNumber,
  onThemeChange,
  themeColour,
  unpackFloats,
} from "./dom.js";
import type { Run } from "./run.js";

const HISTORY_HEIGHT = 190;

export class Statistics {
  private readonly layer = byId("layer", HTMLSelectElement);
  private readonly moment = byId("moment", HTMLSelectElement);
  private readonly channel = byId("channel", HTMLInputElement);
  private plot: uPlot | undefined;
  private run: Run | undefined;

  constructor() {
    for (const control of [this.layer, this.moment, this.channel]) {
      control.addEventListener("input", () => this.redraw());
    }
    onThemeChange(() => this.redraw());
  }

  show(run: Run): void {
    this.run = run;
    const names = run.statistics.at(-1)?.layers.map(({ name }) => name) ?? [];
    byId("statistics-section", HTMLElement).hidden = names.length === 0;
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
    const values = this.valuesOf(layer);
    const lastChannel = values.merged.length - 1;
    this.channel.max = String(lastChannel);
    const chosen = Math.min(Math.max(0, Math.floor(Number(this.channel.value))), lastChannel);
    this.showChannels(values, chosen, newest.step);
    this.showHistory(chosen);
  }

  private valuesOf({ shards, merged, population }: LayerStatistics): LayerValues {
    const unpack = ({ mean, variance }: PackedMoments) =>
      unpackFloats(this.moment.value === "mean" ? mean : variance);
    return {
      shards: shards.map(unpack),
      merged: unpack(merged),
      population: unpack(population),
    };
  }

  private showChannels(values: LayerValues, chosen: number, step: number): void {
    const container = byId("channels", HTMLElement);
    const drawing = drawChannels(values, chosen, container.clientWidth || 320, (channel) => {
      this.channel.value = String(channel);
      this.redraw();
    });
    const legend = createLegend(
      [
        ["each shard", "one"],
        ["merged", "two"],
        ["population", "three"],
      ],
      `step ${step}`,
    );
    container.replaceChildren(drawing, legend);
  }

  /** The chosen channel over the run: the merged moments, and the population statistics following them. */
  private showHistory(channel: number): void {
    const container = byId("channel-history", HTMLElement);
    const points = (this.run?.statistics ?? []).flatMap(({ step, layers }) => {
      const layer = layers.find(({ name }) => name === this.layer.value);
      return layer ? [{ step, values: this.valuesOf(layer) }] : [];
    });
    const data: uPlot.AlignedData = [
      points.map(({ step }) => step),
      points.map(({ values }) => values.merged[channel] ?? null),
      points.map(({ values }) => values.population[channel] ?? null),
    ];
    const axis = { stroke: themeColour("faint"), grid: { stroke: themeColour("line"), width: 1 } };
    const value = (_: uPlot, number: number | null) => formatNumber(number);
    this.plot?.destroy();
    this.plot = new uPlot(
      {
        title: `Channel ${channel} over the run`,
        width: container.clientWidth || 320,
        height: HISTORY_HEIGHT,
        scales: { x: { time: false } },
        axes: [
          axis,
          { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => formatNumber(tick)) },
        ],
        series: [
          { label: "step" },
          { label: "merged", stroke: themeColour("two"), value },
          { label: "population", stroke: themeColour("three"), width: 2, value },
        ],
      },
      data,
      container,
    );
  }
}
