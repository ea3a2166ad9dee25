// What the network says about a sample: the most probable class and the probabilities of some, or the predicted values.
import type { Prediction } from "../dashboard.js";
import { byId, createElement, formatCount, formatNumber, formatPercent } from "./dom.js";
import type { Run } from "./run.js";

/** Of more classes the most probable ones are listed. */
const MAX_ALL_CLASSES = 10;
const TOP_COUNT = 3;
const MAX_VALUES = 8;
/** In em, of the column of names. */
const MAX_NAME_WIDTH = 11;

interface ListedClass {
  label: number;
  probability: number;
}

export function showAnswer({ step, probabilities, outputs }: Prediction, run: Run): void {
  const best = byId("answer", HTMLElement);
  best.classList.remove("bad");
  byId("weights", HTMLElement).textContent = `By the weights of step ${formatCount(step)}.`;
  if (probabilities) showClasses(probabilities, run, best);
  else showValues(outputs ?? [], run, best);
}

/** Room for the answer, so that it moves nothing. */
export function reserveAnswer(run: Run): void {
  const count = run.description?.target.count ?? 0;
  const isClasses = run.description?.target.kind === "classes";
  const most = isClasses && count > MAX_ALL_CLASSES ? TOP_COUNT : MAX_ALL_CLASSES;
  byId("probabilities", HTMLElement).style.setProperty("--rows", String(Math.min(count, most)));
}

export function clearAnswer(): void {
  byId("answer", HTMLElement).textContent = "";
  byId("answer", HTMLElement).classList.remove("bad");
  byId("weights", HTMLElement).textContent = "";
  byId("probabilities", HTMLOListElement).replaceChildren();
}

/** @param reason a sentence */
export function showRefusal(reason: string): void {
  clearAnswer();
  const best = byId("answer", HTMLElement);
  best.textContent = reason;
  best.classList.add("bad");
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
  const longest = Math.max(...shown.map(({ label }) => run.className(label).length));
  list.style.setProperty("--names", `${Math.min(MAX_NAME_WIDTH, 0.6 * longest + 0.5)}em`);
  list.replaceChildren(
    ...shown.map((each) => createRow(run.className(each.label), each.probability, each === first)),
  );
}

function createRow(name: string, probability: number, isBest: boolean): HTMLElement {
  const bar = createElement("i");
  bar.style.setProperty("--w", `${100 * probability}%`);
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
  const shown = only === undefined ? outputs.slice(0, MAX_VALUES) : [];
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
