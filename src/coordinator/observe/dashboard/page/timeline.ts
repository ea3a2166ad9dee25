// One step on a time axis: each worker's tasks, and the coordinator's phases.
import type { TaskTrace } from "../../../../shared/events.js";
import { byId, createElement, createLegend, createSvg, formatNumber, themeColour } from "./dom.js";
import type { Run } from "./run.js";

const ROW_HEIGHT = 22;
const LABEL_WIDTH = 96;
const MAX_LABEL_LENGTH = 14;
const TICK_COUNT = 5;

/** Of a bar: its name and colour. */
const PARTS = {
  send: ["to the worker", "four"],
  compute: ["compute", "one"],
  receive: ["to the coordinator", "two"],
  coordinator: ["coordinator", "three"],
} as const;

interface Bar {
  row: string;
  part: keyof typeof PARTS;
  text: string;
  fromMs: number;
  toMs: number;
}

export function showTimeline(run: Run): void {
  const { trace } = run;
  const container = byId("timeline", HTMLElement);
  if (!trace) {
    container.replaceChildren(createElement("p", { class: "hint", text: "no step yet" }));
    return;
  }
  const phases = trace.phases.map(({ phase, fromMs, toMs }): Bar => {
    return { row: phase, part: "coordinator", text: phase, fromMs, toMs };
  });
  const bars = [...trace.tasks.flatMap(barsOfTask), ...phases];
  container.replaceChildren(
    drawBars(bars, container.clientWidth || 320),
    createLegend(Object.values(PARTS), noteOf(bars, trace.step)),
  );
}

function barsOfTask(task: TaskTrace): Bar[] {
  const name = task.task === "shard" ? `shard ${task.shard ?? ""}` : "evaluation";
  const bar = (part: Bar["part"], fromMs: number, toMs: number): Bar => ({
    row: task.worker,
    part,
    text: `${task.worker}, ${name} (${task.samples} samples): ${PARTS[part][0]}`,
    fromMs,
    toMs,
  });
  return [
    bar("send", task.sentMs, task.computedFromMs),
    bar("compute", task.computedFromMs, task.computedToMs),
    bar("receive", task.computedToMs, task.answeredMs),
  ];
}

function drawBars(bars: readonly Bar[], width: number): SVGElement {
  const rows = [...new Set(bars.map(({ row }) => row))];
  const lastMs = Math.max(...bars.map(({ toMs }) => toMs), 1e-3);
  const pixelsPerMs = (width - LABEL_WIDTH - 40) / lastMs;
  const x = (ms: number) => LABEL_WIDTH + Math.max(0, ms) * pixelsPerMs;
  const labels = rows.map((row, index) => {
    const isLong = row.length > MAX_LABEL_LENGTH;
    const text = isLong ? `${row.slice(0, MAX_LABEL_LENGTH - 1)}…` : row;
    return createSvg("text", { x: 0, y: ROW_HEIGHT * index + 15 }, [text]);
  });
  const boxes = bars.map(({ row, part, text, fromMs, toMs }) =>
    createSvg(
      "rect",
      {
        x: x(fromMs),
        y: ROW_HEIGHT * rows.indexOf(row) + 3,
        width: Math.max(1, (toMs - fromMs) * pixelsPerMs),
        height: ROW_HEIGHT - 6,
        rx: 2,
        fill: themeColour(PARTS[part][1]),
      },
      [createSvg("title", {}, [`${text}: ${formatNumber(toMs - fromMs, 3)} ms`])],
    ),
  );
  const height = ROW_HEIGHT * (rows.length + 1);
  const label = "The newest step's tasks and phases on a time axis";
  return createSvg("svg", { width, height, role: "img", "aria-label": label }, [
    ...drawTicks(lastMs, x, height),
    ...labels,
    ...boxes,
  ]);
}

function drawTicks(lastMs: number, x: (ms: number) => number, height: number): SVGElement[] {
  const ticks = Array.from({ length: TICK_COUNT }, (_, index) => {
    return (lastMs * index) / (TICK_COUNT - 1);
  });
  return ticks.flatMap((ms) => [
    createSvg("line", { class: "axis", x1: x(ms), x2: x(ms), y1: 0, y2: height - ROW_HEIGHT }),
    createSvg("text", { class: "faint", x: x(ms), y: height - 5, "text-anchor": "middle" }, [
      `${formatNumber(ms, 2)} ms`,
    ]),
  ]);
}

function noteOf(bars: readonly Bar[], step: number): string {
  const [first] = bars;
  if (!first) return `step ${step}`;
  const length = ({ fromMs, toMs }: Bar) => toMs - fromMs;
  const longest = bars.reduce((a, b) => (length(b) > length(a) ? b : a), first);
  return `step ${step}; longest: ${longest.text}, ${formatNumber(length(longest), 3)} ms`;
}
