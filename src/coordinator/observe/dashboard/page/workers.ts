// The table of workers, and the list of what happened.
import type { MarkKind, WorkerRow } from "../page-update.js";
import { byId, createElement, formatBytes, formatNumber } from "./dom.js";
import type { Run } from "./run.js";

const MAX_MARKS_SHOWN = 200;

interface Column {
  title: string;
  text: (row: WorkerRow, run: Run) => string;
  isText?: true;
}

const COLUMNS: readonly Column[] = [
  { title: "worker", text: ({ name }) => name, isText: true },
  { title: "state", text: stateText, isText: true },
  { title: "in", text: ({ kind }) => kindText(kind), isText: true },
  { title: "host", text: ({ host }) => host, isText: true },
  { title: "shards", text: ({ shards }) => String(shards) },
  { title: "share", text: shareText },
  { title: "ms per shard", text: ({ shards, shardMs }) => formatNumber(shardMs / shards, 3) },
  { title: "round trip", text: roundTripText },
  { title: "received", text: ({ bytesUp }) => formatBytes(bytesUp) },
  { title: "sent", text: ({ bytesDown }) => formatBytes(bytesDown) },
  { title: "last seen", text: lastSeenText },
];

/** Where the kind alone does not say it. */
const MARK_NAMES: Partial<Record<MarkKind, string>> = {
  left: "lost",
  backup: "backup task",
  divergence: "replica divergence",
  "checkpoint-failed": "checkpoint failed",
  "checkpoint-kept": "checkpoint renamed",
  degraded: "wrong results",
  "mixed-numerics": "mixed numerics",
  "observer-failed": "output failed",
};

export function showWorkers(run: Run): void {
  const head = createElement(
    "tr",
    {},
    COLUMNS.map(({ title, isText }) => {
      return createElement("th", { text: title, class: isText ? "text" : "" });
    }),
  );
  const rows = run.workers.map((row) =>
    createElement(
      "tr",
      { class: row.state === "working" ? "" : "gone" },
      COLUMNS.map(({ text, isText }) => {
        return createElement("td", { text: text(row, run), class: isText ? "text" : "" });
      }),
    ),
  );
  byId("workers", HTMLTableElement).replaceChildren(head, ...rows);
}

export function showMarks(run: Run): void {
  const newest = run.marks.slice(-MAX_MARKS_SHOWN).reverse();
  byId("marks", HTMLUListElement).replaceChildren(
    ...newest.map(({ at, step, what, worker, text }) => {
      const time = new Date(at).toLocaleTimeString();
      const subject = worker === undefined ? "" : `${worker} `;
      return createElement("li", {
        class: what,
        text: `${time}, step ${step}: ${subject}${markText(what, text)}`,
      });
    }),
  );
}

function markText(what: MarkKind, text: string): string {
  const name = MARK_NAMES[what] ?? what;
  if (text === what) return name;
  return text.startsWith(name) ? text : `${name}: ${text}`;
}

function kindText(kind: WorkerRow["kind"] | undefined): string {
  // Logs of earlier versions have none.
  if (kind === undefined || kind === "node") return "Node";
  return kind;
}

function stateText({ state, reason }: WorkerRow): string {
  return state === "left" ? `lost: ${reason ?? ""}` : state;
}

function shareText({ samples }: WorkerRow, run: Run): string {
  const total = run.workers.reduce((sum, row) => sum + row.samples, 0);
  return total === 0 ? "–" : `${formatNumber((100 * samples) / total, 3)} %`;
}

function roundTripText({ roundTripMs }: WorkerRow): string {
  return roundTripMs === undefined ? "–" : `${formatNumber(roundTripMs, 2)} ms`;
}

function lastSeenText({ state, lastSeenMs }: WorkerRow): string {
  if (state !== "working") return "gone";
  return lastSeenMs < 1000 ? "now" : `${Math.round(lastSeenMs / 1000)} s ago`;
}
