// The confusion matrix of the last evaluation, and test images that were taken for something else.
import { byId, bytesOf, made } from "./dom.js";
import type { Run } from "./run.js";

let drawnStep: { run: Run; step: number } | undefined;

export function showMistakes(run: Run): void {
  const { mistakes } = run;
  byId("mistakes-section", HTMLElement).hidden = !mistakes;
  if (!mistakes || (drawnStep?.run === run && drawnStep.step === mistakes.step)) return;
  drawnStep = { run, step: mistakes.step };
  const { confusion, images, height, width, step } = mistakes;
  const head = made("tr", {}, [
    made("th", { text: `step ${step}: label ↓ taken for →` }),
    ...confusion.map((_, taken) => made("th", { text: String(taken) })),
  ]);
  const most = Math.max(
    1,
    ...confusion.flatMap((row, label) => row.filter((_, taken) => taken !== label)),
  );
  const rows = confusion.map((row, label) =>
    made("tr", {}, [
      made("th", { text: String(label) }),
      ...row.map((count, taken) => {
        const cell = made("td", { text: count === 0 ? "" : String(count) });
        const share = taken === label ? 0 : Math.round((70 * count) / most);
        cell.style.background = `color-mix(in srgb, var(--bad) ${share}%, transparent)`;
        if (taken === label) cell.style.fontWeight = "700";
        cell.title = `${count} images of ${label} taken for ${taken}`;
        return cell;
      }),
    ]),
  );
  byId("confusion", HTMLTableElement).replaceChildren(head, ...rows);
  byId("wrong", HTMLUListElement).replaceChildren(
    ...images.map(({ index, label, taken, pixels }) => {
      const title = `test image ${index}: a ${label}, taken for ${taken}`;
      const caption = made("span", { text: `${label} → ${taken}` });
      return made("li", { title }, [picture(bytesOf(pixels), height, width), caption]);
    }),
  );
}

function picture(bytes: Uint8Array, height: number, width: number): HTMLCanvasElement {
  const canvas = made("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context?.createImageData(width, height);
  if (!context || !image) return canvas;
  bytes.forEach((value, index) => image.data.set([value, value, value, 255], 4 * index));
  context.putImageData(image, 0, 0);
  return canvas;
}
