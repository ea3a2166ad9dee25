// What the network predicts: which panels are shown depends on its inputs and outputs. Also how they share the width.
import { Confusion, MAX_MATRIX_CLASSES, type Pair } from "./confusion.js";
import { byId } from "./dom.js";
import type { Run } from "./run.js";
import { SamplesPanel } from "./samples-panel.js";
import { Scatter } from "./scatter.js";
import { TryPanel } from "./try-panel.js";

/** For more classes, the matrix takes the full width of the page. */
const MAX_NARROW_CLASSES = 12;
/** If more values are predicted, an update contains only the first ones. */
const MAX_VALUES = 8;

export class PredictionsPanel {
  private readonly container = byId("predictions", HTMLElement);
  private readonly confusion = new Confusion((pair) => this.choose(pair));
  private readonly samples = new SamplesPanel(() => this.choose(undefined));
  private readonly scatter = new Scatter();
  private readonly tryPanel = new TryPanel();
  private run: Run | undefined;
  private chosen: Pair | undefined;
  /** What is currently drawn. */
  private drawn: unknown;

  /** From the start of the run panels have their places, although nothing has been predicted yet. */
  show(run: Run): void {
    this.run = run;
    this.tryPanel.show(run);
    this.arrange(run);
    const { mistakes, scatter } = run;
    if ((mistakes ?? scatter) === this.drawn) return;
    this.drawn = mistakes ?? scatter;
    if (mistakes) {
      this.confusion.show(mistakes, run);
      this.samples.showMistakes(mistakes, run, this.chosen);
    } else if (scatter) {
      this.scatter.show(scatter, run);
      this.samples.showWorst(scatter, run);
    }
  }

  private choose(pair: Pair | undefined): void {
    const isSame = pair?.label === this.chosen?.label && pair?.predicted === this.chosen?.predicted;
    this.chosen = isSame ? undefined : pair;
    this.confusion.mark(this.chosen);
    const { run } = this;
    if (run?.mistakes) this.samples.showMistakes(run.mistakes, run, this.chosen);
  }

  private arrange(run: Run): void {
    const { description } = run;
    const isOver = run.end !== undefined;
    const isValues = description?.target.kind === "values";
    const count = description?.target.count ?? 0;
    const isMatrixWide = count > MAX_NARROW_CLASSES && count <= MAX_MATRIX_CLASSES;
    const [height, width] = description?.inputShape ?? [];
    const areRows = height === undefined || width === undefined;
    const hasResults = Boolean(run.mistakes ?? run.scatter) || !isOver;
    const panels: { id: string; isShown: boolean; isWide: boolean }[] = [
      { id: "try-section", isShown: this.tryPanel.isOpen, isWide: false },
      { id: "confusion-section", isShown: hasResults && !isValues, isWide: isMatrixWide },
      { id: "scatter-section", isShown: hasResults && isValues, isWide: false },
      { id: "samples-section", isShown: hasResults, isWide: areRows },
    ];
    // Room for one row per value.
    const rows = String(Math.min(count, MAX_VALUES));
    byId("metrics-holder", HTMLElement).style.setProperty("--rows", rows);
    const narrow = panels.filter(({ isShown, isWide }) => isShown && !isWide);
    for (const { id, isShown, isWide } of panels) {
      const element = byId(id, HTMLElement);
      element.hidden = !isShown;
      element.classList.toggle("wide", isWide || narrow.length === 1);
    }
    this.container.classList.toggle("three", narrow.length === 3);
  }
}
