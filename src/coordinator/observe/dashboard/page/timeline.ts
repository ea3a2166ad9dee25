// One step on a time axis: each worker's tasks on their way, and what the coordinator did then.
import { byId, colour, drawn, made, short } from "./dom.js";
import type { Run } from "./run.js";

const ROW = 22;
const LABEL = 96;
const PHASES = {
  down: ["way there", "four"],
  compute: ["compute", "one"],
  up: ["way back", "two"],
  coordinator: ["coordinator", "three"],
} as const;

type Phase = keyof typeof PHASES;

interface Bar {
  row: string;
  phase: Phase;
  text: string;
  fromMs: number;
  toMs: number;
}

export function showTimeline(run: Run): void {
  const { trace } = run;
  const place = byId("timeline", HTMLElement);
  if (!trace) {
    place.replaceChildren(made("p", { class: "hint", text: "no step yet" }));
    return;
  }
  const bars = trace.tasks.flatMap((task): Bar[] => {
    const what = task.task === "shard" ? `shard ${task.shard ?? ""}` : "evaluation";
    const bar = (phase: Phase, fromMs: number, toMs: number): Bar => ({
      row: task.worker,
      phase,
      text: `${task.worker}, ${what} (${task.samples} samples): ${PHASES[phase][0]}`,
      fromMs,
      toMs,
    });
    return [
      bar("down", task.sentMs, task.computedFromMs),
      bar("compute", task.computedFromMs, task.computedToMs),
      bar("up", task.computedToMs, task.answeredMs),
    ];
  });
  for (const { phase: row, fromMs, toMs } of trace.phases) {
    bars.push({ row, phase: "coordinator", text: row, fromMs, toMs });
  }
  place.replaceChildren(axis(bars, place.clientWidth || 320), key(bars, trace.step));
}

function axis(bars: readonly Bar[], width: number): SVGElement {
  const rows = [...new Set(bars.map(({ row }) => row))];
  const lastMs = Math.max(...bars.map(({ toMs }) => toMs), 1e-3);
  const scale = (width - LABEL - 40) / lastMs;
  const height = ROW * (rows.length + 1);
  const x = (ms: number) => LABEL + Math.max(0, ms) * scale;
  const labels = rows.map((row, index) =>
    drawn("text", { x: 0, y: ROW * index + 15 }, [row.length > 14 ? `${row.slice(0, 13)}…` : row]),
  );
  const boxes = bars.map(({ row, phase, text, fromMs, toMs }) =>
    drawn(
      "rect",
      {
        x: x(fromMs),
        y: ROW * rows.indexOf(row) + 3,
        width: Math.max(1, (toMs - fromMs) * scale),
        height: ROW - 6,
        rx: 2,
        fill: colour(PHASES[phase][1]),
      },
      [drawn("title", {}, [`${text}: ${short(toMs - fromMs, 3)} ms`])],
    ),
  );
  const ticks = Array.from({ length: 5 }, (_, index) => (lastMs * index) / 4);
  const marks = ticks.flatMap((ms) => [
    drawn("line", { class: "axis", x1: x(ms), x2: x(ms), y1: 0, y2: ROW * rows.length }),
    drawn("text", { class: "faint", x: x(ms), y: height - 5, "text-anchor": "middle" }, [
      `${short(ms, 2)} ms`,
    ]),
  ]);
  const label = "The last step's tasks and phases on a time axis";
  return drawn("svg", { width, height, role: "img", "aria-label": label }, [
    ...marks,
    ...labels,
    ...boxes,
  ]);
}

/** Names the phases, and the slowest of all bars. */
function key(bars: readonly Bar[], step: number): HTMLElement {
  const slowest = bars.reduce((a, b) => (b.toMs - b.fromMs > a.toMs - a.fromMs ? b : a));
  const names = Object.values(PHASES).map(([name, ink]) => {
    const swatch = made("i");
    swatch.style.background = colour(ink);
    return made("span", {}, [swatch, document.createTextNode(name)]);
  });
  const text = `step ${step}; the slowest: ${slowest.text}, ${short(slowest.toMs - slowest.fromMs, 3)} ms`;
  return made("p", { class: "key" }, [...names, made("span", { text })]);
}
