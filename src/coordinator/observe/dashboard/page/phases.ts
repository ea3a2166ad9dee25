// How long each kind of work took in one step: the legend of the timeline and its numbers.
import { byId, createElement, formatNumber } from "./dom.js";
import type { Bar } from "./timeline.js";

interface Phase {
  name: string;
  colour: string;
  /** For tasks, the median over the step's tasks; for the coordinator's phases, the sum. */
  ms: number;
  longestMs: number;
}

const TASK_PARTS = [
  ["send", "download"],
  ["compute", "compute"],
  ["receive", "upload"],
] as const;

/** The coordinator's phases so far. A phase keeps its row in steps that do not have it. */
const names: string[] = [];

export function showPhases(tasks: readonly Bar[], phases: readonly Bar[]): void {
  for (const { name } of phases) if (!names.includes(name)) names.push(name);
  const rows = [
    ...TASK_PARTS.map(([part, colour]): Phase => {
      const durations = tasks.filter((bar) => bar.part === part).map(durationOf);
      const longestMs = Math.max(0, ...durations);
      return { name: colour, colour, ms: medianOf(durations), longestMs };
    }),
    ...names.map((name): Phase => {
      const durations = phases.filter((bar) => bar.name === name).map(durationOf);
      const ms = durations.reduce((sum, each) => sum + each, 0);
      return { name, colour: "coordinator", ms, longestMs: Math.max(0, ...durations) };
    }),
  ];
  const most = Math.max(...rows.map(({ ms }) => ms), 1e-9);
  byId("phases", HTMLTableElement).replaceChildren(
    createElement("caption", {
      text: "Milliseconds. Download, compute and upload are per task: the median and the longest. The rest is on the coordinator: the sum and the longest.",
    }),
    createElement("thead", {}, [createHead()]),
    createElement(
      "tbody",
      {},
      rows.map((row) => createRow(row, row.ms / most)),
    ),
  );
}

function createHead(): HTMLElement {
  const bar = createElement("th", { class: "bar-head" }, [
    createElement("span", { class: "sr", text: "as a bar" }),
  ]);
  return createElement("tr", {}, [
    createElement("th", { text: "Phase" }),
    createElement("th", { class: "num", text: "ms" }),
    createElement("th", { class: "num", text: "longest" }),
    bar,
  ]);
}

function createRow({ name, colour, ms, longestMs }: Phase, share: number): HTMLElement {
  const swatch = createElement("i", { class: `swatch box ${colour}` });
  const bar = createElement("i", { class: "bar" });
  bar.style.setProperty("--c", `var(--${colour})`);
  bar.style.setProperty("--w", `${Math.round(100 * share)}%`);
  return createElement("tr", {}, [
    createElement("th", {}, [createElement("span", {}, [swatch, document.createTextNode(name)])]),
    createElement("td", { class: "num", text: formatNumber(ms, 3) }),
    createElement("td", { class: "num", text: formatNumber(longestMs, 3) }),
    createElement("td", {}, [bar]),
  ]);
}

function durationOf({ fromMs, toMs }: Bar): number {
  return toMs - fromMs;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
