// The predicted probabilities of a drawing's classes, with bars.
import type { Prediction } from "../dashboard.js";
import { byId, createElement } from "./dom.js";
import type { Run } from "./run.js";

/** Of more classes the most probable ones are listed. */
const MAX_CLASSES = 20;

export function showProbabilities({ step, probabilities = [] }: Prediction, run: Run): void {
  const classes = probabilities.map((probability, label) => ({ probability, label }));
  const ranked = [...classes].sort((a, b) => b.probability - a.probability);
  const shown = classes.length > MAX_CLASSES ? ranked.slice(0, MAX_CLASSES) : classes;
  const list = byId("probabilities", HTMLOListElement);
  list.classList.toggle("named", run.start?.classNames !== undefined);
  list.replaceChildren(
    ...shown.map(({ probability, label }) => {
      const bar = createElement("i");
      bar.style.width = `${100 * probability}%`;
      const name = run.className(label);
      const isBest = label === ranked[0]?.label;
      return createElement("li", { class: isBest ? "best" : "" }, [
        createElement("span", { text: name, title: name }),
        bar,
        createElement("span", { text: `${(100 * probability).toFixed(1)} %` }),
      ]);
    }),
  );
  byId("weights", HTMLElement).textContent = `weights of step ${step}`;
}

export function clearProbabilities(): void {
  byId("probabilities", HTMLOListElement).replaceChildren();
  byId("weights", HTMLElement).textContent = "";
}
