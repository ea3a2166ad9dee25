// Predicted against true values of test samples, where a network predicts values. Drawn by uPlot.
import uPlot from "uplot";
import type { PageUpdateOf } from "../page-update.js";
import { byId, formatNumber, onThemeChange, themeColour, unpackFloats } from "./dom.js";
import type { Run } from "./run.js";

const HEIGHT = 320;

export class Scatter {
  private readonly output = byId("output", HTMLSelectElement);
  private readonly container = byId("scatter", HTMLElement);
  private plot: uPlot | undefined;
  private update: PageUpdateOf<"scatter"> | undefined;

  constructor() {
    this.output.addEventListener("input", () => this.redraw());
    onThemeChange(() => this.redraw());
  }

  show({ scatter }: Run): void {
    byId("scatter-section", HTMLElement).hidden = !scatter;
    if (!scatter || scatter === this.update) return;
    this.update = scatter;
    if (this.output.options.length !== scatter.valueCount) {
      const indices = Array.from({ length: scatter.valueCount }, (_, index) => String(index));
      this.output.replaceChildren(...indices.map((index) => new Option(index, index)));
    }
    byId("output-choice", HTMLElement).hidden = scatter.valueCount < 2;
    this.redraw();
  }

  private redraw(): void {
    const { update } = this;
    if (!update) return;
    const points = pointsOf(update, this.output.selectedIndex);
    const targets = points.map(({ target }) => target);
    const predictions = points.map(({ prediction }) => prediction);
    const axis = { stroke: themeColour("faint"), grid: { stroke: themeColour("line"), width: 1 } };
    const [one, faint] = [themeColour("one"), themeColour("faint")];
    const value = (_: uPlot, number: number | null) => formatNumber(number);
    this.plot?.destroy();
    this.plot = new uPlot(
      {
        title: `Step ${update.step}, ${points.length} test samples`,
        width: this.container.clientWidth || 320,
        height: HEIGHT,
        scales: { x: { time: false } },
        axes: [
          { ...axis, label: "true", labelSize: 18 },
          { ...axis, label: "predicted", labelSize: 18, size: 56 },
        ],
        series: [
          { label: "true", value },
          {
            label: "predicted",
            stroke: one,
            paths: () => null,
            points: { show: true, size: 4, stroke: one, fill: one },
            value,
          },
          {
            label: "predicted = true",
            stroke: faint,
            dash: [4, 4],
            points: { show: false },
            value,
          },
        ],
      },
      [targets, predictions, targets],
      this.container,
    );
  }
}

/** In ascending order of the true values. */
function pointsOf({ targets, predictions, valueCount }: PageUpdateOf<"scatter">, output: number) {
  const allTargets = unpackFloats(targets);
  const allPredictions = unpackFloats(predictions);
  const count = allTargets.length / valueCount;
  const points = Array.from({ length: count }, (_, row) => {
    const index = row * valueCount + Math.max(0, output);
    return { target: allTargets[index]!, prediction: allPredictions[index]! };
  });
  return points.sort((a, b) => a.target - b.target);
}
