// Names at the ends of a chart's curves, in their colours, moved apart if they would overlap. Drawn on uPlot's canvas.
import type uPlot from "uplot";

const LABEL_HEIGHT = 16;
export const LABEL_FONT = "system-ui, sans-serif";

export interface CurveEnd {
  name: string;
  colour: string;
  /** The curve's last point; undefined: it has no points. */
  x: number | undefined;
  y: number | null | undefined;
}

export function drawEndLabels(plot: uPlot, ends: readonly CurveEnd[]): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const placed = ends.flatMap(({ name, colour, x, y }) => {
    if (x === undefined || y === undefined || y === null) return [];
    const at = plot.valToPos(y, "y", true);
    const left = plot.valToPos(x, "x", true);
    const isInside = at >= bbox.top - 1 && at <= bbox.top + bbox.height + 1;
    return isInside && left <= bbox.left + bbox.width + 1
      ? [{ name, colour, x: left, y: at, textY: at }]
      : [];
  });
  spreadApart(placed, LABEL_HEIGHT * scale, bbox.top + 4 * scale, bbox.top + bbox.height);
  ctx.save();
  ctx.font = `600 ${13 * scale}px ${LABEL_FONT}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  for (const { name, colour, x, y, textY } of placed) {
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.arc(x, y, 3 * scale, 0, 2 * Math.PI);
    ctx.fill();
    ctx.fillText(name, bbox.left + bbox.width + 8 * scale, textY);
  }
  ctx.restore();
}

/** Moves texts down and then up until each is at least `gap` below the one before, as far as there is room. */
export function spreadApart(
  ends: { textY: number }[],
  gap: number,
  top: number,
  bottom: number,
): void {
  ends.sort((a, b) => a.textY - b.textY);
  for (let index = 1; index < ends.length; index++) {
    const least = ends[index - 1]!.textY + gap;
    ends[index]!.textY = Math.max(ends[index]!.textY, least);
  }
  let limit = bottom;
  for (let index = ends.length - 1; index >= 0; index--) {
    const end = ends[index]!;
    end.textY = Math.max(Math.min(end.textY, limit), top + index * gap);
    limit = end.textY - gap;
  }
}
