// The confusion matrix of the last evaluation, and pictures of test samples that were classified wrongly.
import type { PageUpdateOf, PictureShape, WrongSample } from "../page-update.js";
import { byId, createElement, unpackBytes } from "./dom.js";
import { createPicture } from "./picture.js";
import type { Run } from "./run.js";

/** What is drawn now. */
let drawn: PageUpdateOf<"mistakes"> | undefined;

export function showMistakes(run: Run): void {
  const { mistakes } = run;
  byId("mistakes-section", HTMLElement).hidden = !mistakes;
  if (!mistakes || mistakes === drawn) return;
  drawn = mistakes;
  const { confusion, picture, wrong, step } = mistakes;
  byId("confusion", HTMLTableElement).replaceChildren(
    ...(confusion ? createRows(confusion, step, run) : []),
  );
  const hint = byId("confusion-hint", HTMLElement);
  hint.hidden = confusion !== undefined;
  const classCount = run.description?.target.count ?? 0;
  hint.textContent = `No confusion matrix: ${classCount} classes are too many to show.`;
  byId("wrong", HTMLUListElement).replaceChildren(
    ...(picture ? wrong.map((sample) => createItem(sample, picture, run)) : []),
  );
}

function createRows(confusion: number[][], step: number, run: Run): HTMLElement[] {
  const names = confusion.map((_, label) => run.className(label));
  const head = createElement("tr", {}, [
    createElement("th", { class: "corner", text: `step ${step}: label ↓ prediction →` }),
    ...names.map((name) => createElement("th", { text: name, title: name })),
  ]);
  const errors = confusion.flatMap((row, label) =>
    row.filter((_, predicted) => predicted !== label),
  );
  const maxErrors = Math.max(1, ...errors);
  const rows = confusion.map((row, label) =>
    createElement("tr", {}, [
      createElement("th", { text: names[label]!, title: names[label]! }),
      ...row.map((count, predicted) => {
        const title = `${count} of class ${names[label]} predicted as ${names[predicted]}`;
        const cell = createElement("td", { text: count === 0 ? "" : String(count), title });
        const share = predicted === label ? 0 : Math.round((70 * count) / maxErrors);
        cell.style.background = `color-mix(in srgb, var(--bad) ${share}%, transparent)`;
        if (predicted === label) cell.style.fontWeight = "700";
        return cell;
      }),
    ]),
  );
  return [head, ...rows];
}

function createItem(sample: WrongSample, picture: PictureShape, run: Run): HTMLElement {
  const { index, pixels } = sample;
  const [label, predicted] = [run.className(sample.label), run.className(sample.predicted)];
  const title = `test sample ${index}: class ${label}, predicted as ${predicted}`;
  return createElement("li", { title }, [
    createPicture(unpackBytes(pixels), picture),
    createElement("span", { text: `${label} → ${predicted}` }),
  ]);
}
