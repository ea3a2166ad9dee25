// Many workers on one axis of milliseconds per shard: one mark per worker, so that slow ones stand out.
import type { WorkerRow } from "../page-update.js";
import { byId, createSvg, formatNumber } from "./dom.js";
import { logTicksBetween } from "./ticks.js";

const MARK_SIZE = 10;
const MARGIN = 8;
/** Height of the axis below the marks. */
const BASE = 74;

/** Workers that have left or have computed nothing have no mark. */
export function drawStrip(workers: readonly WorkerRow[]): void {
  const host = byId("strip", HTMLElement);
  const width = host.clientWidth;
  const shown = workers
    .filter(({ state, shards }) => state === "working" && shards > 0)
    .map((worker) => ({ worker, ms: Math.max(worker.shardMs / worker.shards, 1e-3) }))
    .sort((a, b) => a.ms - b.ms);
  if (width === 0 || shown.length === 0) return;
  // A logarithmic axis with room at both ends.
  const [low, high] = [0.85 * shown[0]!.ms, 1.15 * shown.at(-1)!.ms];
  const x = (ms: number) =>
    MARGIN + (Math.log(ms / low) / Math.log(high / low)) * (width - 2 * MARGIN);
  const piles = new Map<number, number>();
  const marks = shown.map(({ worker, ms }) => {
    const at = Math.round(x(ms) / MARK_SIZE) * MARK_SIZE;
    const height = piles.get(at) ?? 0;
    piles.set(at, height + 1);
    return drawMark(worker, ms, at, height);
  });
  const ticks = logTicksBetween(low, high).flatMap((ms) => [
    createSvg("line", { class: "axis", x1: x(ms), x2: x(ms), y1: 0, y2: BASE }),
    createSvg("text", { class: "faint", x: x(ms), y: BASE + 18, "text-anchor": "middle" }, [
      formatNumber(ms, 3),
    ]),
  ]);
  const base = { class: "axis", x1: MARGIN, x2: width - MARGIN, y1: BASE, y2: BASE };
  host.replaceChildren(
    createSvg("svg", { width, height: BASE + 24, "aria-hidden": "true" }, [
      ...ticks,
      createSvg("line", base),
      ...marks,
    ]),
  );
}

/** A dot, or a ring for a browser. In a pile that reaches the top, further marks are drawn over the last one. */
function drawMark({ name, kind }: WorkerRow, ms: number, x: number, height: number): SVGElement {
  const y = Math.max(MARK_SIZE / 2, BASE - MARGIN - height * MARK_SIZE);
  const colour = "var(--compute)";
  const style =
    kind === "browser"
      ? { r: 3.5, fill: "var(--panel)", stroke: colour, "stroke-width": 2 }
      : { r: 4, fill: colour };
  const title = createSvg("title", {}, [`${name}: ${formatNumber(ms, 3)} ms`]);
  return createSvg("circle", { cx: x, cy: y, ...style }, [title]);
}
