// The panel of test samples: all mistakes that the page has, or those of the cell chosen in the confusion matrix; if values are
// predicted, the largest errors.
import type { PageUpdateOf, PictureShape, WorstSample, WrongSample } from "../page-update.js";
import type { Pair } from "./confusion.js";
import { byId, createElement, formatCount, formatNumber } from "./dom.js";
import type { Run } from "./run.js";
import { type Captioned, createPictures, createRows } from "./samples.js";

const MAX_CAPTION_VALUES = 3;

export class SamplesPanel {
  private readonly holder = byId("samples", HTMLElement);
  private readonly title = byId("samples-title", HTMLElement);
  private readonly note = byId("samples-note", HTMLElement);
  private readonly all = byId("all-samples", HTMLButtonElement);

  /** @param onAll called when the choice of a cell should be cleared */
  constructor(onAll: () => void) {
    this.all.addEventListener("click", onAll);
  }

  /** @param chosen undefined: all */
  showMistakes(mistakes: PageUpdateOf<"mistakes">, run: Run, chosen: Pair | undefined): void {
    const { wrong, confusion, pairs, errorCount } = mistakes;
    const nameOf = (label: number) => run.className(label);
    const shown = chosen ? wrong.filter((sample) => isOf(sample, chosen)) : wrong;
    this.title.textContent = chosen
      ? `${nameOf(chosen.label)} predicted as ${nameOf(chosen.predicted)}`
      : "Mistakes";
    const total = chosen ? countOf(chosen, confusion, pairs) : errorCount;
    this.note.textContent = noteText(shown.length, total);
    this.all.hidden = chosen === undefined;
    const captioned = shown.map((sample): Captioned => {
      const [label, predicted] = [nameOf(sample.label), nameOf(sample.predicted)];
      return {
        sample,
        caption: [label, predicted],
        title: `test sample ${sample.index}: ${label} predicted as ${predicted}`,
        cells: [label, predicted],
      };
    });
    const label = run.start?.label ?? "label";
    this.fill(captioned, mistakes, [label, "predicted"]);
  }

  showWorst(scatter: PageUpdateOf<"scatter">, run: Run): void {
    const { worst = [] } = scatter;
    this.title.textContent = "Largest errors";
    this.note.textContent = worst.length === 0 ? "" : `the worst ${worst.length}`;
    this.all.hidden = true;
    const captioned = worst.map((sample): Captioned => {
      const [target, predicted] = [valuesText(sample.targets), valuesText(sample.predictions)];
      return {
        sample,
        caption: [target, predicted],
        title: `test sample ${sample.index}: ${target}, predicted as ${predicted}`,
        cells: [target, predicted],
      };
    });
    this.fill(captioned, scatter, [run.start?.label ?? "true", "predicted"]);
  }

  private fill(
    samples: readonly Captioned[],
    { picture, columns }: { picture?: PictureShape; columns?: string[] },
    heads: readonly string[],
  ): void {
    const { scrollTop, scrollLeft } = this.holder;
    if (samples.length === 0) {
      this.holder.replaceChildren(createElement("p", { class: "quiet small", text: "None." }));
      return;
    }
    this.holder.replaceChildren(
      picture ? createPictures(samples, picture) : createRows(samples, heads, columns ?? []),
    );
    this.holder.scrollTo(scrollLeft, scrollTop);
  }
}

function isOf({ label, predicted }: WrongSample, chosen: Pair): boolean {
  return label === chosen.label && predicted === chosen.predicted;
}

function countOf(
  { label, predicted }: Pair,
  confusion: number[][] | undefined,
  pairs: PageUpdateOf<"mistakes">["pairs"],
): number | undefined {
  const pair = pairs?.find(([from, to]) => from === label && to === predicted);
  return confusion?.[label]?.[predicted] ?? pair?.[2];
}

function noteText(shown: number, total: number | undefined): string {
  if (total === undefined || total <= shown) return formatCount(shown);
  return `${formatCount(shown)} of ${formatCount(total)}`;
}

function valuesText(values: WorstSample["targets"]): string {
  const texts = values.slice(0, MAX_CAPTION_VALUES).map((value) => formatNumber(value, 4));
  return values.length > MAX_CAPTION_VALUES ? `${texts.join(", ")}, …` : texts.join(", ");
}
