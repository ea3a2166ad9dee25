// What all charts drawn by uPlot share: a scale's kind, and the cursor moved by keys.
import type uPlot from "uplot";

/** By number: uPlot's enum is one of types alone, whose names are gone when the code runs. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
export const LOG_SCALE = 3 as uPlot.Scale.Distr.Logarithmic;

/** Left of the chart and above it, where uPlot shows no cursor. */
const HIDDEN = { left: -10, top: -10 };

/** The arrow keys move the cursor by a hundredth of the width, from the right end where it is hidden; Escape hides it. */
export function moveCursor(plot: uPlot, event: KeyboardEvent): void {
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (move === undefined && event.key !== "Escape") return;
  const width = plot.over.clientWidth;
  const left = plot.cursor.left ?? -1;
  const from = left < 0 ? width : left;
  const to = Math.min(width, Math.max(0, from + ((move ?? 0) * width) / 100));
  plot.setCursor(move === undefined ? HIDDEN : { left: to, top: 0 });
  event.preventDefault();
}
