// Draws one layer's means or variances by channel: a dot per shard, a bar for the merged value, a circle for the population.
import { createSvg, formatNumber } from "./dom.js";

/** Means or variances, one value per channel. */
export interface LayerValues {
  shards: Float32Array[];
  merged: Float32Array;
  population: Float32Array;
}

const HEIGHT = 180;
const LABEL_WIDTH = 48;
const MIN_CHANNEL_WIDTH = 7;
/** More channels could not be distinguished. Of wider layers the channels around the chosen one are drawn. */
const MAX_CHANNELS = 64;

/** @param choose called with the channel that was clicked */
export function drawChannels(
  values: LayerValues,
  chosen: number,
  width: number,
  choose: (channel: number) => void,
): SVGElement {
  const total = values.merged.length;
  const count = Math.min(total, MAX_CHANNELS, Math.floor(width / MIN_CHANNEL_WIDTH));
  const first = Math.min(Math.max(0, chosen - Math.floor(count / 2)), total - count);
  const [min, max] = rangeOf(values, first, first + count);
  const y = (value: number) => 8 + ((max - value) / (max - min || 1)) * (HEIGHT - 30);
  const gap = (width - LABEL_WIDTH) / count;
  const channels = Array.from({ length: count }, (_, index) => first + index);
  const marks = channels.flatMap((channel, index) => {
    const x = LABEL_WIDTH + gap * (index + 0.5);
    const axis = { class: "axis", x1: x, x2: x, y1: 0, y2: HEIGHT - 14 };
    const cursor = channel === chosen ? [createSvg("line", axis)] : [];
    return [...cursor, ...drawChannel(values, channel, x, y, Math.min(5, gap / 2))];
  });
  const text = (value: number, at: number) =>
    createSvg("text", { class: "faint", x: 0, y: at }, [formatNumber(value, 3)]);
  const label = "Moments by channel: each shard, merged, and population";
  const drawing = createSvg("svg", { width, height: HEIGHT, role: "img", "aria-label": label }, [
    ...marks,
    text(max, 14),
    text(min, HEIGHT - 20),
    createSvg("text", { class: "faint", x: LABEL_WIDTH, y: HEIGHT - 2 }, [
      `channels ${first} to ${first + count - 1}`,
    ]),
  ]);
  drawing.addEventListener("click", (event) => {
    const { left } = drawing.getBoundingClientRect();
    const channel = channels[Math.floor((event.clientX - left - LABEL_WIDTH) / gap)];
    if (channel !== undefined) choose(channel);
  });
  return drawing;
}

function rangeOf({ shards, merged, population }: LayerValues, from: number, to: number) {
  const shown = [...shards, merged, population].flatMap((values) => [...values.subarray(from, to)]);
  return [Math.min(...shown), Math.max(...shown)] as const;
}

function drawChannel(
  values: LayerValues,
  channel: number,
  x: number,
  y: (value: number) => number,
  halfWidth: number,
): SVGElement[] {
  const [shard, sum, population] = ["var(--shard)", "var(--merged)", "var(--population)"];
  const heights = values.shards.map((each) => y(each[channel]!));
  const range = { x1: x, x2: x, y1: Math.min(...heights), y2: Math.max(...heights) };
  const middle = y(values.merged[channel]!);
  const bar = { x1: x - halfWidth, x2: x + halfWidth, y1: middle, y2: middle };
  const circle = { cx: x, cy: y(values.population[channel]!), r: 3.2, fill: "none" };
  return [
    ...(heights.length > 0 ? [createSvg("line", { ...range, stroke: shard })] : []),
    ...heights.map((cy) => createSvg("circle", { cx: x, cy, r: 2, fill: shard })),
    createSvg("line", { ...bar, stroke: sum, "stroke-width": 2 }),
    createSvg("circle", { ...circle, stroke: population, "stroke-width": 1.6 }),
  ];
}
