// The list of what happened in the run, newest first.
import type { MarkKind, PageUpdateOf } from "../page-update.js";
import { byId, createElement, createSvg, formatCount } from "./dom.js";
import type { Run } from "./run.js";

const MAX_SHOWN = 200;

/** For events whose kind alone does not say what happened. */
const NAMES: Partial<Record<MarkKind, string>> = {
  left: "lost",
  backup: "backup task",
  divergence: "replica divergence",
  "checkpoint-failed": "checkpoint failed",
  "checkpoint-kept": "checkpoint renamed",
  degraded: "wrong results",
  "mixed-numerics": "mixed numerics",
  "observer-failed": "output failed",
};

const BAD: readonly MarkKind[] = [
  "left",
  "rejected",
  "divergence",
  "checkpoint-failed",
  "degraded",
  "mixed-numerics",
  "observer-failed",
];

/** Expressed by the shape of the glyph: up, down, a square. */
const GLYPHS = { up: "M5 1 9.5 9h-9z", down: "M5 9 .5 1h9z", square: "M1.5 1.5h7v7h-7z" };

/** The newest one in the list, and their total number. */
let shown: { last: PageUpdateOf<"mark"> | undefined; count: number } | undefined;

export function showMarks({ marks }: Run): void {
  const last = marks.at(-1);
  if (shown && shown.last === last && shown.count === marks.length) return;
  shown = { last, count: marks.length };
  const newest = marks.slice(-MAX_SHOWN).reverse();
  const none = createElement("li", { class: "none quiet", text: "None yet." });
  byId("marks", HTMLOListElement).replaceChildren(
    ...(newest.length === 0 ? [none] : newest.map(createItem)),
  );
}

function createItem({ at, step, what, worker, text }: PageUpdateOf<"mark">): HTMLElement {
  const isBad = BAD.includes(what);
  const [colour, path] = isBad
    ? ["bad", GLYPHS.down]
    : ["ink-2", what === "joined" ? GLYPHS.up : GLYPHS.square];
  const glyph = createSvg(
    "svg",
    { viewBox: "0 0 10 10", width: 9, height: 9, "aria-hidden": "true" },
    [createSvg("path", { d: path, fill: `var(--${colour})` })],
  );
  const subject = worker === undefined ? [] : [createElement("b", { text: worker })];
  const rest = `${worker === undefined ? "" : " "}${markText(what, text)}`;
  const parts = [...subject, document.createTextNode(rest)];
  const isRoutine = what === "checkpoint";
  return createElement("li", { class: isRoutine ? `${what} quiet` : what }, [
    glyph,
    createElement("span", { class: isBad ? "text bad" : "text" }, parts),
    createElement("span", {
      class: "when",
      text: `step ${formatCount(step)}`,
      title: new Date(at).toLocaleString(),
    }),
  ]);
}

function markText(what: MarkKind, text: string): string {
  const name = NAMES[what] ?? what;
  if (text === what) return name;
  return text.startsWith(name) ? text : `${name}: ${text}`;
}
