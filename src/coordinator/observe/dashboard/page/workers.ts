// The table of workers: what each has computed and its connection.
import type { WorkerRow } from "../page-update.js";
import { byId, createElement, formatBytes, formatCount, formatNumber } from "./dom.js";
import type { Run } from "./run.js";
import { drawStrip } from "./worker-strip.js";

/** If there are more, all are marks on a strip, and the table shows only this many until all are asked for. */
const MAX_ROWS = 12;

/** A narrow screen shows only one of the first two views; `optional` columns fit in neither. */
type View = "work" | "network" | "optional";

interface Column {
  title: string;
  view?: View;
  isText?: true;
  cell: (row: WorkerRow, totals: Totals) => string | Node;
}

interface Totals {
  samples: number;
  /** Time per shard of the slowest worker. */
  longestMs: number;
}

const COLUMNS: readonly Column[] = [
  { title: "worker", cell: ({ name }) => createElement("b", { text: name }), isText: true },
  { title: "state", cell: stateCell, isText: true },
  { title: "runs in", cell: ({ kind }) => kindText(kind), isText: true, view: "optional" },
  { title: "host", cell: ({ host }) => host, isText: true, view: "network" },
  { title: "shards", cell: ({ shards }) => formatCount(shards), view: "work" },
  { title: "share", cell: shareCell, view: "work" },
  { title: "ms per shard", cell: shardCell, view: "work" },
  { title: "round trip", cell: roundTripText, view: "network" },
  { title: "received", cell: ({ bytesUp }) => formatBytes(bytesUp), view: "network" },
  { title: "sent", cell: ({ bytesDown }) => formatBytes(bytesDown), view: "network" },
  { title: "last seen", cell: lastSeenText, view: "optional" },
];

for (const input of document.querySelectorAll<HTMLInputElement>('input[name="columns"]')) {
  input.addEventListener("change", () => {
    byId("workers", HTMLTableElement).dataset["view"] = input.value;
  });
}

const more = byId("more-workers", HTMLButtonElement);
let isExpanded = false;
let lastRun: Run | undefined;

more.addEventListener("click", () => {
  isExpanded = !isExpanded;
  if (lastRun) showWorkers(lastRun);
});
new ResizeObserver(() => {
  if (lastRun) showStrip(lastRun.workers);
}).observe(byId("strip", HTMLElement));

/** If there are many, those that need attention first: workers that are gone, then the slowest. Else in the order of joining. */
function chooseRows(workers: readonly WorkerRow[]): readonly WorkerRow[] {
  if (workers.length <= MAX_ROWS) return workers;
  const isGone = ({ state }: WorkerRow) => Number(state !== "working");
  const msOf = (row: WorkerRow) => (row.shards > 0 ? shardMsOf(row) : 0);
  const sorted = workers.toSorted((a, b) => isGone(b) - isGone(a) || msOf(b) - msOf(a));
  return isExpanded ? sorted : sorted.slice(0, MAX_ROWS);
}

function showStrip(workers: readonly WorkerRow[]): void {
  const isMany = workers.length > MAX_ROWS;
  byId("strip-holder", HTMLElement).hidden = !isMany;
  byId("more-holder", HTMLElement).hidden = !isMany;
  more.textContent = isExpanded ? `Show ${MAX_ROWS}` : `Show all ${formatCount(workers.length)}`;
  more.setAttribute("aria-expanded", String(isExpanded));
  if (isMany) drawStrip(workers);
}

export function showWorkers(run: Run): void {
  lastRun = run;
  const { workers, end } = run;
  const totals = {
    samples: workers.reduce((sum, { samples }) => sum + samples, 0),
    longestMs: Math.max(0, ...workers.map(shardMsOf).filter(Number.isFinite)),
  };
  const head = createElement(
    "tr",
    {},
    COLUMNS.map((column) => {
      const th = createElement("th", { text: column.title, class: classOf(column) });
      th.scope = "col";
      return th;
    }),
  );
  const rows = chooseRows(workers).map((row) =>
    createElement(
      "tr",
      { class: row.state === "working" ? "" : "gone" },
      COLUMNS.map((column) => {
        const cell = column.cell(row, totals);
        const isNode = cell instanceof Node;
        const isState = column.title === "state" ? " state-cell" : "";
        const td = createElement("td", { class: classOf(column) + isState }, isNode ? [cell] : []);
        if (!isNode) td.textContent = cell;
        return td;
      }),
    ),
  );
  byId("workers", HTMLTableElement).replaceChildren(
    createElement("thead", {}, [head]),
    createElement("tbody", {}, rows),
  );
  byId("workers-note", HTMLElement).textContent = noteOf(workers, end !== undefined);
  showStrip(workers);
}

function classOf({ isText, view }: Column): string {
  return `${isText ? "" : "num "}${view ?? ""}`.trim();
}

function noteOf(workers: readonly WorkerRow[], isOver: boolean): string {
  if (workers.length === 0) return isOver ? "computed in one process" : "none yet";
  const countOf = (state: WorkerRow["state"]) =>
    workers.filter((worker) => worker.state === state).length;
  const inBrowsers = workers.filter(({ kind }) => kind === "browser").length;
  const counts = [
    [countOf("working"), "working"],
    [countOf("left"), isOver ? "left" : "lost"],
    [countOf("rejected"), "rejected"],
    [inBrowsers, "in browsers"],
  ] as const;
  return counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(", ");
}

function kindText(kind: WorkerRow["kind"] | undefined): string {
  // Logs of earlier versions do not have it.
  if (kind === undefined || kind === "node") return "Node";
  return kind;
}

function stateCell({ state, reason }: WorkerRow): Node {
  const [tone, name] =
    state === "working" ? ["", "working"] : ["lost", state === "left" ? "lost" : state];
  const word = createElement("span", { class: `state ${tone}`, text: name });
  if (reason === undefined || state === "working") return word;
  const why = createElement("span", { class: "reason", text: ` ${reason}`, title: reason });
  return createElement("span", {}, [word, why]);
}

function createBar(text: string, share: number, colour: string): HTMLElement {
  const bar = createElement("i");
  bar.style.setProperty("--c", `var(--${colour})`);
  bar.style.setProperty("--w", `${Math.round(100 * (share || 0))}%`);
  return createElement("span", { class: "cell-bar" }, [bar, createElement("span", { text })]);
}

function shareCell({ samples }: WorkerRow, totals: Totals): string | Node {
  if (totals.samples === 0) return "–";
  const share = samples / totals.samples;
  return createBar(`${(100 * share).toFixed(1)} %`, share, "ink-2");
}

function shardMsOf({ shards, shardMs }: WorkerRow): number {
  return shardMs / shards;
}

function shardCell(row: WorkerRow, { longestMs }: Totals): string | Node {
  const ms = shardMsOf(row);
  return Number.isFinite(ms) ? createBar(formatNumber(ms, 3), ms / longestMs, "compute") : "–";
}

function roundTripText({ roundTripMs }: WorkerRow): string {
  return roundTripMs === undefined ? "–" : `${formatNumber(roundTripMs, 2)} ms`;
}

function lastSeenText({ state, lastSeenMs }: WorkerRow): string {
  if (state !== "working") return "–";
  return lastSeenMs < 1000 ? "now" : `${Math.round(lastSeenMs / 1000)} s ago`;
}
