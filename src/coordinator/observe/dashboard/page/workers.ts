// A row for each worker, and what happened to whom.
import type { WorkerRow } from "../lines.js";
import { byId, bytesText, made, short } from "./dom.js";
import type { Run } from "./run.js";

const COLUMNS: [string, (row: WorkerRow, run: Run) => string, "text"?][] = [
  ["worker", ({ name }) => name, "text"],
  ["state", ({ state, reason }) => (state === "left" ? `lost: ${reason ?? ""}` : state), "text"],
  ["host", ({ host }) => host, "text"],
  ["shards", ({ shards }) => String(shards)],
  ["share", ({ samples }, run) => share(samples, run)],
  ["ms a shard", ({ shards, shardMs }) => short(shardMs / shards, 3)],
  [
    "round trip",
    ({ roundTripMs }) => (roundTripMs === undefined ? "–" : `${short(roundTripMs, 2)} ms`),
  ],
  ["up", ({ bytesUp }) => bytesText(bytesUp)],
  ["down", ({ bytesDown }) => bytesText(bytesDown)],
  ["last seen", ({ state, lastSeenMs }) => (state === "working" ? seen(lastSeenMs) : "gone")],
];

function share(samples: number, run: Run): string {
  const all = run.workers.reduce((total, row) => total + row.samples, 0);
  return all === 0 ? "–" : `${short((100 * samples) / all, 3)} %`;
}

function seen(ms: number): string {
  return ms < 1000 ? "now" : `${Math.round(ms / 1000)} s ago`;
}

export function showWorkers(run: Run): void {
  const head = made(
    "tr",
    {},
    COLUMNS.map(([text, , kind]) => made("th", { text, class: kind ?? "" })),
  );
  const rows = run.workers.map((row) =>
    made(
      "tr",
      { class: row.state === "working" ? "" : "gone" },
      COLUMNS.map(([, of, kind]) => made("td", { text: of(row, run), class: kind ?? "" })),
    ),
  );
  byId("workers", HTMLTableElement).replaceChildren(head, ...rows);
}

export function showMarks(run: Run): void {
  const items = run.marks.slice(-200).reverse();
  byId("marks", HTMLUListElement).replaceChildren(
    ...items.map(({ at, step, what, worker, text }) => {
      const time = new Date(at).toLocaleTimeString();
      const detail = text === what ? "" : `: ${text}`;
      const what_ = what === "left" ? "lost" : what;
      return made("li", {
        class: what,
        text: `${time}, step ${step}: ${worker ?? ""} ${what_}${detail}`,
      });
    }),
  );
}
