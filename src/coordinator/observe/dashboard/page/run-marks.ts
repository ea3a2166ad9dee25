// The run's events in a chart: a dashed line, with the name above, where a worker joined or was lost. Drawn on uPlot's canvas.
import type uPlot from "uplot";
import type { MarkKind, PageUpdateOf } from "../page-update.js";
import { themeColour } from "./dom.js";
import { LABEL_FONT } from "./end-labels.js";

type Mark = PageUpdateOf<"mark">;

/** The list beside the curves contains all events. */
const SHOWN: readonly MarkKind[] = ["joined", "left", "rejected", "divergence", "degraded"];
/** If there are more marks, only lost workers have a line. */
const MAX_LINES = 12;
/** Narrower charts show no names. */
const NARROW = 560;
const GLYPH = 4;

/** @param hasNames whether there is room for names above the lines */
export function drawMarks(plot: uPlot, marks: readonly Mark[], hasNames: boolean): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.lineWidth = scale;
  ctx.font = `${12 * scale}px ${LABEL_FONT}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  let freeFrom = -Infinity;
  for (const { step, what, worker } of chooseMarks(marks)) {
    const x = Math.round(plot.valToPos(step, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const isBad = what !== "joined";
    const colour = themeColour(isBad ? "bad" : "ink-2");
    ctx.strokeStyle = colour;
    ctx.setLineDash(isBad ? [4 * scale, 3 * scale] : [scale, 3 * scale]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (!hasNames || worker === undefined || plot.width < NARROW) continue;
    const middle = bbox.top - 10 * scale;
    const width = ctx.measureText(worker).width + 16 * scale;
    if (x < freeFrom || x + width > ctx.canvas.width) continue;
    freeFrom = x + width + 8 * scale;
    ctx.fillStyle = colour;
    drawGlyph(ctx, x, middle, (isBad ? 1 : -1) * GLYPH * scale);
    ctx.fillText(worker, x + 9 * scale, middle);
  }
  ctx.restore();
}

function chooseMarks(marks: readonly Mark[]): Mark[] {
  const shown = marks.filter(({ what }) => SHOWN.includes(what));
  return shown.length > MAX_LINES ? shown.filter(({ what }) => what !== "joined") : shown;
}

/** A triangle, which points up for a negative size: the shape says it too, not only the colour. */
function drawGlyph(ctx: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  const half = Math.abs(size);
  ctx.beginPath();
  ctx.moveTo(x, y + size);
  ctx.lineTo(x - half, y - size);
  ctx.lineTo(x + half, y - size);
  ctx.fill();
}
