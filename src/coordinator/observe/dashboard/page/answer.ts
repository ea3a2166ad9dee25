// The prediction for a sample: the most probable class and some probabilities, or the predicted values.
import type { Prediction } from "../dashboard.js";
import { byId, createElement, formatCount, formatNumber, formatPercent } from "./dom.js";
import type { Run } from "./run.js";

/** If there are more classes, the most probable ones are listed. */
const MAX_ALL_CLASSES = 10;
const TOP_COUNT = 3;
/** In em, width of the column of names. */
const MAX_NAME_WIDTH = 11;

interface ListedClass {
  label: number;
  probability: number;
}

export function showAnswer({ step, probabilities, outputs }: Prediction, run: Run): void {
  const best = byId("answer", HTMLElement);
  best.classList.remove("bad");
  byId("weights", HTMLElement).textContent = `With the weights of step ${formatCount(step)}.`;
  if (probabilities) showClasses(probabilities, run, best);
  else showValues(outputs ?? [], run, best);
}

/** Shows empty rows in the answer's place, so that the answer moves nothing. */
export function clearAnswer(run: Run): void {
  const best = byId("answer", HTMLElement);
  best.textContent = "";
  best.classList.remove("bad");
  byId("weights", HTMLElement).textContent = "";
  const { kind, count = 0 } = run.description?.target ?? {};
  const isTop = kind === "classes" && count > MAX_ALL_CLASSES;
  const rows =
    kind === "values" && count === 1 ? 0 : Math.min(count, isTop ? TOP_COUNT : MAX_ALL_CLASSES);
  const list = byId("probabilities", HTMLOListElement);
  list.style.setProperty("--rows", String(rows));
  const names = Array.from({ length: rows }, (_, index) => (isTop ? "" : nameOf(run, index)));
  setNameWidth(list, names);
  list.replaceChildren(...names.map((name) => createRow(name, undefined, false)));
}

/** @param reason a sentence */
export function showRefusal(reason: string, run: Run): void {
  clearAnswer(run);
  const best = byId("answer", HTMLElement);
  best.textContent = reason;
  best.classList.add("bad");
}

function nameOf(run: Run, index: number): string {
  return run.description?.target.kind === "classes" ? run.className(index) : String(index);
}

function setNameWidth(list: HTMLElement, names: readonly string[]): void {
  const longest = Math.max(0, ...names.map(({ length }) => length));
  list.style.setProperty("--names", `${Math.min(MAX_NAME_WIDTH, 0.6 * longest + 0.5)}em`);
}

function showClasses(probabilities: readonly number[], run: Run, best: HTMLElement): void {
  const all = probabilities.map((probability, label): ListedClass => ({ probability, label }));
  const ranked = [...all].sort((a, b) => b.probability - a.probability);
  const [first] = ranked;
  if (!first) return;
  const name = run.className(first.label);
  best.textContent = `${name}, ${formatPercent(first.probability, 1)}`;
  best.title = name;
  const shown = all.length > MAX_ALL_CLASSES ? ranked.slice(0, TOP_COUNT) : all;
  const list = byId("probabilities", HTMLOListElement);
  setNameWidth(
    list,
    shown.map(({ label }) => run.className(label)),
  );
  list.replaceChildren(
    ...shown.map((each) => createRow(run.className(each.label), each.probability, each === first)),
  );
}

/** @param probability undefined if not known yet */
function createRow(name: string, probability: number | undefined, isBest: boolean): HTMLElement {
  const bar = createElement("i");
  bar.style.setProperty("--w", `${100 * (probability ?? 0)}%`);
  return createElement("li", { class: isBest ? "best" : "" }, [
    createElement("span", { text: name, title: name }),
    bar,
    createElement("span", { text: formatPercent(probability, 1) }),
  ]);
}

function showValues(outputs: readonly number[], run: Run, best: HTMLElement): void {
  const label = run.start?.label;
  const only = outputs.length === 1 ? outputs[0] : undefined;
  best.textContent =
    only === undefined ? "Predicted values" : `${label ?? "Predicted"}: ${formatNumber(only, 5)}`;
  const list = byId("probabilities", HTMLOListElement);
  const shown = only === undefined ? outputs.slice(0, MAX_ALL_CLASSES) : [];
  list.replaceChildren(
    ...shown.map((value, index) =>
      createElement("li", {}, [
        createElement("span", { text: String(index) }),
        createElement("span"),
        createElement("span", { text: formatNumber(value, 5) }),
      ]),
    ),
  );
}
