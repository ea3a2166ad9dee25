// A digit, drawn with mouse, finger or keyboard, and what the run's present weights take it for.
import { byId, made } from "./dom.js";
import type { Run } from "./run.js";

/** The pen, as MNIST's digits are drawn: some two pixels and a half of 28 wide. */
const PEN_SHARE = 2.6 / 28;
const SCALE = 8;
const TOO_MANY = 429;
const BUSY_MS = 300;
/** Between two questions: the coordinator answers ten a second, for all pages together. */
const ASK_EVERY_MS = 120;
/** MNIST centres a digit by its centre of mass, in a box of 20 of the 28 pixels (yann.lecun.com/exdb/mnist). */
const BOX_SHARE = 20 / 28;

export class Digit {
  private readonly canvas = byId("canvas", HTMLCanvasElement);
  private readonly context: CanvasRenderingContext2D;
  private size = { height: 0, width: 0 };
  private last: { x: number; y: number } | undefined;
  private pen = { x: 0.5, y: 0.5, isDown: false };
  private asking = false;
  /** Raised with each stroke: an answer to an older one is followed by another question. */
  private strokes = 0;
  private isEmpty = true;

  constructor() {
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("no canvas");
    this.context = context;
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.last = this.place(event);
      this.line(this.last, this.last);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.last) return;
      const next = this.place(event);
      this.line(this.last, next);
      this.last = next;
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      this.canvas.addEventListener(end, () => (this.last = undefined));
    }
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    byId("clear", HTMLButtonElement).addEventListener("click", () => this.clear());
  }

  show(run: Run): void {
    const { start } = run;
    byId("digit-section", HTMLElement).hidden = !run.canPredict || !start;
    if (!start) return;
    const { height, width } = start.config.data;
    if (height === this.size.height && width === this.size.width) return;
    this.size = { height, width };
    this.canvas.width = SCALE * width;
    this.canvas.height = SCALE * height;
    this.clear();
  }

  private clear(): void {
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.isEmpty = true;
    byId("probabilities", HTMLOListElement).replaceChildren();
    byId("weights", HTMLElement).textContent = "";
  }

  private place(event: PointerEvent): { x: number; y: number } {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.canvas.width,
      y: ((event.clientY - box.top) / box.height) * this.canvas.height,
    };
  }

  private line(from: { x: number; y: number }, to: { x: number; y: number }): void {
    const { context } = this;
    context.strokeStyle = "#fff";
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = PEN_SHARE * Math.max(this.canvas.width, this.canvas.height);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x + 0.01, to.y);
    context.stroke();
    this.isEmpty = false;
    void this.ask();
  }

  private key(event: KeyboardEvent): void {
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = moves[event.key];
    if (event.key === " ") this.pen.isDown = !this.pen.isDown;
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (!move) return;
    event.preventDefault();
    const at = () => ({ x: this.pen.x * this.canvas.width, y: this.pen.y * this.canvas.height });
    const from = at();
    const [dx, dy] = move ?? [0, 0];
    this.pen.x = Math.min(1, Math.max(0, this.pen.x + dx / 28));
    this.pen.y = Math.min(1, Math.max(0, this.pen.y + dy / 28));
    if (this.pen.isDown) this.line(from, at());
  }

  /** One question at a time; what was drawn meanwhile is asked about next. */
  private async ask(): Promise<void> {
    this.strokes++;
    if (this.asking) return;
    this.asking = true;
    try {
      for (let asked = 0; asked < this.strokes;) {
        asked = this.strokes;
        const response = await fetch("predict", {
          method: "POST",
          headers: { "content-type": "application/octet-stream" },
          body: this.pixels(),
        });
        if (response.status === TOO_MANY) {
          await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
          asked--;
          continue;
        }
        if (!response.ok) throw new Error(await response.text());
        const answer = (await response.json()) as { step: number; probabilities: number[] };
        if (!this.isEmpty) this.tell(answer);
        await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      }
    } catch (error) {
      byId("weights", HTMLElement).textContent = `no answer: ${String(error)}`;
    } finally {
      this.asking = false;
    }
  }

  private tell({ step, probabilities }: { step: number; probabilities: number[] }): void {
    const best = probabilities.indexOf(Math.max(...probabilities));
    byId("probabilities", HTMLOListElement).replaceChildren(
      ...probabilities.map((probability, index) => {
        const bar = made("i");
        bar.style.width = `${100 * probability}%`;
        const percent = `${(100 * probability).toFixed(1)} %`;
        return made("li", { class: index === best ? "best" : "" }, [
          made("span", { text: String(index) }),
          bar,
          made("span", { text: percent }),
        ]);
      }),
    );
    byId("weights", HTMLElement).textContent = `by the weights of step ${step}`;
  }

  /** The drawing as MNIST prepares its digits: scaled into a box, centred by its mass, a byte a pixel. */
  private pixels(): Uint8Array<ArrayBuffer> {
    const { width, height } = this.size;
    const ink = inkOf(this.context.getImageData(0, 0, this.canvas.width, this.canvas.height));
    const small = document.createElement("canvas");
    small.width = width;
    small.height = height;
    const context = small.getContext("2d");
    if (!context || !ink) return new Uint8Array(width * height);
    const scale =
      (BOX_SHARE * Math.min(width, height)) /
      Math.max(ink.right - ink.left, ink.bottom - ink.top, 1);
    context.imageSmoothingQuality = "high";
    context.translate(width / 2, height / 2);
    context.scale(scale, scale);
    context.translate(-ink.x, -ink.y);
    context.drawImage(this.canvas, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return Uint8Array.from({ length: width * height }, (_, index) => data[4 * index]!);
  }
}

/** Where the ink is, and its centre of mass; undefined where there is none. */
function inkOf({ data, width, height }: ImageData) {
  let [left, right, top, bottom] = [width, 0, height, 0];
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = data[4 * (y * width + x)]!;
      if (value < 32) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      mass += value;
      sumX += value * x;
      sumY += value * y;
    }
  }
  return mass === 0 ? undefined : { left, right, top, bottom, x: sumX / mass, y: sumY / mass };
}
