// Shared by all charts drawn by uPlot: the kind of a scale, and moving the cursor with keys.
import type uPlot from "uplot";

/** As a number: uPlot's enum exists only in its types, not at run time. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
export const LOG_SCALE = 3 as uPlot.Scale.Distr.Logarithmic;

/** A position outside the chart, where uPlot shows no cursor. */
const HIDDEN = { left: -10, top: -10 };

/** The arrow keys move the cursor by a hundredth of the width. A hidden cursor starts at the right end; Escape hides it. */
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
