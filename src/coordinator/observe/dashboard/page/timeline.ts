// One step on a time axis: each worker's tasks and the coordinator's phases. Beside it, how long each kind of work took.
import type { PhaseTrace, TaskTrace } from "../../../../shared/run-event.js";
import { byId, createElement, createSvg, formatCount, formatNumber } from "./dom.js";
import { showPhases } from "./phases.js";
import type { Run } from "./run.js";
import { StepChoice } from "./step-choice.js";
import { ticksBetween } from "./ticks.js";

const ROW_HEIGHT = 24;
const LABEL_WIDTH = 104;
const MAX_LABEL_LENGTH = 14;
const TEXT_WIDTH = 56;
/** Rows of workers. If there are more workers, those that finished last are shown. */
const MAX_WORKER_ROWS = 12;

/** Name and colour of a bar. */
const PARTS = {
  send: ["download", "download"],
  compute: ["compute", "compute"],
  receive: ["upload", "upload"],
  coordinator: ["coordinator", "coordinator"],
} as const;

export interface Bar {
  row: string;
  part: keyof typeof PARTS;
  /** For a task, such as `shard 2`. */
  name: string;
  text: string;
  fromMs: number;
  toMs: number;
}

/** Height of the tallest drawing so far, so that a step with fewer rows moves nothing. */
let mostRows = 0;
/** What is currently drawn. */
let drawn: { trace: unknown; width: number } | undefined;
let lastRun: Run | undefined;

const choice = new StepChoice(() => {
  if (lastRun) showTimeline(lastRun);
});

export function showTimeline(run: Run): void {
  lastRun = run;
  const trace = choice.choose(run);
  const container = byId("timeline", HTMLElement);
  const width = container.clientWidth || 320;
  if (drawn?.trace === trace && drawn?.width === width) return;
  drawn = { trace, width };
  if (!trace) {
    container.replaceChildren(createElement("p", { class: "quiet", text: "no step yet" }));
    return;
  }
  const tasks = trace.tasks.flatMap(barsOfTask);
  const phases = trace.phases.map(barOfPhase);
  container.replaceChildren(drawBars(tasks, phases, width));
  showPhases(tasks, phases);
  byId("step-note", HTMLElement).textContent = noteOf([...tasks, ...phases], trace.step);
}

function barOfPhase({ phase, fromMs, toMs }: PhaseTrace): Bar {
  return { row: phase, part: "coordinator", name: phase, text: phase, fromMs, toMs };
}

function barsOfTask(task: TaskTrace): Bar[] {
  const name = task.task === "shard" ? `shard ${task.shard ?? ""}` : "evaluation";
  const bar = (part: Bar["part"], fromMs: number, toMs: number): Bar => ({
    row: task.worker,
    part,
    name,
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

/** Names of the workers to draw: all or, if there are many, those that finished last, in reverse order. */
function rowsOf(tasks: readonly Bar[]): { names: string[]; hiddenCount: number } {
  const ends = new Map<string, number>();
  for (const { row, toMs } of tasks) ends.set(row, Math.max(toMs, ends.get(row) ?? -Infinity));
  if (ends.size <= MAX_WORKER_ROWS) return { names: [...ends.keys()], hiddenCount: 0 };
  const last = [...ends].sort((a, b) => b[1] - a[1]).slice(0, MAX_WORKER_ROWS);
  return { names: last.map(([name]) => name), hiddenCount: ends.size - MAX_WORKER_ROWS };
}

function drawBars(tasks: readonly Bar[], phases: readonly Bar[], width: number): SVGElement {
  const { names, hiddenCount } = rowsOf(tasks);
  const others = hiddenCount === 0 ? [] : [`${formatCount(hiddenCount)} more finished earlier`];
  const firstPhase = names.length + others.length;
  const rows = [...names, ...others, ...new Set(phases.map(({ row }) => row))];
  const places = new Map(names.map((name, place) => [name, place]));
  const placed = [
    ...tasks.flatMap((bar) => {
      const place = places.get(bar.row);
      return place === undefined ? [] : [{ bar, place }];
    }),
    ...phases.map((bar) => ({ bar, place: rows.indexOf(bar.row, firstPhase) })),
  ];
  mostRows = Math.max(mostRows, rows.length);
  const lastMs = Math.max(...placed.map(({ bar }) => bar.toMs), 1e-3);
  const pixelsPerMs = (width - LABEL_WIDTH - 24) / lastMs;
  const x = (ms: number) => LABEL_WIDTH + Math.max(0, ms) * pixelsPerMs;
  const labels = rows.map((row, index) => {
    // Beside the note on the workers that are not drawn there are no bars.
    const isLong = row.length > MAX_LABEL_LENGTH && !others.includes(row);
    const text = isLong ? `${row.slice(0, MAX_LABEL_LENGTH - 1)}…` : row;
    return createSvg("text", { x: 0, y: ROW_HEIGHT * index + 16 }, [
      ...(isLong ? [createSvg("title", {}, [row])] : []),
      text,
    ]);
  });
  const boxes = placed.flatMap(({ bar, place }) => {
    const y = ROW_HEIGHT * place + 3;
    return drawBar(bar, x(bar.fromMs), y, (bar.toMs - bar.fromMs) * pixelsPerMs);
  });
  const height = ROW_HEIGHT * (mostRows + 1);
  const bottom = ROW_HEIGHT * rows.length;
  const label = "One step's tasks and phases on a time axis";
  return createSvg("svg", { width, height, role: "img", "aria-label": label }, [
    ...drawTicks(lastMs, width, x, bottom),
    ...labels,
    ...boxes,
  ]);
}

function drawBar({ part, name, text, fromMs, toMs }: Bar, x: number, y: number, width: number) {
  const fill = `var(--${PARTS[part][1]})`;
  const shape = { x, y, width: Math.max(1, width), height: ROW_HEIGHT - 6, rx: 2, fill };
  const title = createSvg("title", {}, [`${text}: ${formatNumber(toMs - fromMs, 3)} ms`]);
  const box = createSvg("rect", shape, [title]);
  // Names only on bars whose colour leaves enough contrast.
  if (part !== "compute" || width < TEXT_WIDTH) return [box];
  const place = { class: "in-bar", x: x + 6, y: y + 13, "pointer-events": "none" };
  return [box, createSvg("text", place, [name])];
}

function drawTicks(
  lastMs: number,
  width: number,
  x: (ms: number) => number,
  bottom: number,
): SVGElement[] {
  return ticksBetween(0, lastMs, Math.max(2, (width - LABEL_WIDTH) / 110)).flatMap((ms) => [
    createSvg("line", { class: "axis", x1: x(ms), x2: x(ms), y1: 0, y2: bottom }),
    createSvg("text", { class: "faint", x: x(ms), y: bottom + 16, "text-anchor": "middle" }, [
      ms === 0 ? "0 ms" : formatNumber(ms, 3),
    ]),
  ]);
}

function noteOf(bars: readonly Bar[], step: number): string {
  const [first] = bars;
  const at = `Step ${formatCount(step)}`;
  if (!first) return at;
  const length = ({ fromMs, toMs }: Bar) => toMs - fromMs;
  const longest = bars.reduce((a, b) => (length(b) > length(a) ? b : a), first);
  const lastMs = Math.max(...bars.map(({ toMs }) => toMs));
  return `${at}, ${formatNumber(lastMs, 3)} ms. Longest: ${longest.text}, ${formatNumber(length(longest), 3)} ms.`;
}
