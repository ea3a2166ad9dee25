// What batch normalisation does: by channel, the moments that each shard was normalised with, their exact merge, and the
// population statistics closing in on it.
import uPlot from "uplot";
import type { LayerStatistics } from "../lines.js";
import { byId, colour, drawn, made, short, unpacked } from "./dom.js";
import type { Run } from "./run.js";

const HEIGHT = 150;
/** As many channels as can be told apart; of wider layers those around the one chosen. */
const MOST_CHANNELS = 64;

export class Statistics {
  private readonly layer = byId("layer", HTMLSelectElement);
  private readonly moment = byId("moment", HTMLSelectElement);
  private readonly channel = byId("channel", HTMLInputElement);
  private chart: uPlot | undefined;
  private run: Run | undefined;

  constructor() {
    for (const control of [this.layer, this.moment, this.channel]) {
      control.addEventListener("input", () => this.redraw());
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  show(run: Run): void {
    this.run = run;
    const names = run.statistics.at(-1)?.layers.map(({ name }) => name) ?? [];
    const shown = [...this.layer.options].map(({ value }) => value);
    if (names.join() !== shown.join()) {
      this.layer.replaceChildren(...names.map((name) => new Option(name, name)));
    }
    this.redraw();
  }

  private redraw(): void {
    const last = this.run?.statistics.at(-1);
    const layer = last?.layers.find(({ name }) => name === this.layer.value);
    if (!last || !layer) return;
    const values = this.valuesOf(layer);
    const count = values.merged.length;
    this.channel.max = String(count - 1);
    const chosen = Math.min(Math.max(0, Math.floor(Number(this.channel.value))), count - 1);
    this.drawChannels(values, chosen, last.step);
    this.drawClosing(chosen);
  }

  private valuesOf({ shards, merged, population }: LayerStatistics) {
    const of = (moments: { mean: string; variance: string }) =>
      unpacked(this.moment.value === "mean" ? moments.mean : moments.variance);
    return { shards: shards.map(of), merged: of(merged), population: of(population) };
  }

  private drawChannels(
    values: { shards: Float32Array[]; merged: Float32Array; population: Float32Array },
    chosen: number,
    step: number,
  ): void {
    const place = byId("channels", HTMLElement);
    const width = place.clientWidth || 320;
    const count = Math.min(values.merged.length, MOST_CHANNELS, Math.floor(width / 7));
    const first = Math.min(
      Math.max(0, chosen - Math.floor(count / 2)),
      values.merged.length - count,
    );
    const all = [...values.shards, values.merged, values.population];
    const shown = all.flatMap((array) => [...array.subarray(first, first + count)]);
    const [least, most] = [Math.min(...shown), Math.max(...shown)];
    const y = (value: number) => 8 + ((most - value) / (most - least || 1)) * (HEIGHT - 30);
    const gap = (width - 48) / count;
    const marks: SVGElement[] = [];
    for (let index = 0; index < count; index++) {
      const channel = first + index;
      const x = 48 + gap * (index + 0.5);
      const own = values.shards.map((array) => array[channel]!);
      if (channel === chosen) {
        marks.push(drawn("line", { class: "axis", x1: x, x2: x, y1: 0, y2: HEIGHT - 14 }));
      }
      const [low, high] = [y(Math.min(...own)), y(Math.max(...own))];
      marks.push(
        drawn("line", {
          x1: x,
          x2: x,
          y1: low,
          y2: high,
          stroke: colour("one"),
          "stroke-width": 1,
        }),
      );
      for (const value of own) {
        marks.push(drawn("circle", { cx: x, cy: y(value), r: 2, fill: colour("one") }));
      }
      const merged = y(values.merged[channel]!);
      const half = Math.min(5, gap / 2);
      marks.push(
        drawn("line", {
          ...{ x1: x - half, x2: x + half, y1: merged, y2: merged },
          ...{ stroke: colour("two"), "stroke-width": 2 },
        }),
        drawn("circle", {
          ...{ cx: x, cy: y(values.population[channel]!), r: 3.2, fill: "none" },
          ...{ stroke: colour("three"), "stroke-width": 1.4 },
        }),
      );
    }
    const text = (value: number, at: number) =>
      drawn("text", { class: "faint", x: 0, y: at }, [short(value, 3)]);
    const label = "Moments by channel: of each shard, merged, and of the population";
    const picture = drawn("svg", { width, height: HEIGHT, role: "img", "aria-label": label }, [
      ...marks,
      text(most, 14),
      text(least, HEIGHT - 20),
      drawn("text", { class: "faint", x: 48, y: HEIGHT - 2 }, [
        `channels ${first} to ${first + count - 1}`,
      ]),
    ]);
    picture.addEventListener("click", (event) => {
      const box = picture.getBoundingClientRect();
      const index = Math.floor((event.clientX - box.left - 48) / gap);
      if (index >= 0 && index < count) this.channel.value = String(first + index);
      this.redraw();
    });
    const names = [
      ["each shard", "one"],
      ["merged", "two"],
      ["population", "three"],
    ].map(([name, ink]) => {
      const swatch = made("i");
      swatch.style.background = colour(ink!);
      return made("span", {}, [swatch, document.createTextNode(name!)]);
    });
    const key = made("p", { class: "key" }, [...names, made("span", { text: `step ${step}` })]);
    place.replaceChildren(picture, key);
  }

  /** The chosen channel over the run: where the merged moments went, and the population statistics after them. */
  private drawClosing(channel: number): void {
    const place = byId("closing", HTMLElement);
    const points = (this.run?.statistics ?? []).flatMap(({ step, layers }) => {
      const layer = layers.find(({ name }) => name === this.layer.value);
      return layer ? [{ step, values: this.valuesOf(layer) }] : [];
    });
    const data: uPlot.AlignedData = [
      points.map(({ step }) => step),
      points.map(({ values }) => values.merged[channel] ?? null),
      points.map(({ values }) => values.population[channel] ?? null),
    ];
    const axis = { stroke: colour("faint"), grid: { stroke: colour("line"), width: 1 } };
    this.chart?.destroy();
    this.chart = new uPlot(
      {
        title: `Channel ${channel} over the run`,
        width: place.clientWidth || 320,
        height: 190,
        scales: { x: { time: false } },
        axes: [axis, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => short(tick)) }],
        series: [
          { label: "step" },
          { label: "merged", stroke: colour("two"), value: (_, value) => short(value) },
          {
            label: "population",
            stroke: colour("three"),
            width: 2,
            value: (_, value) => short(value),
          },
        ],
      },
      data,
      place,
    );
  }
}
