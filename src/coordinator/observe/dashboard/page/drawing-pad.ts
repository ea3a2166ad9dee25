// A canvas to draw on with mouse, finger or keyboard. The drawing is light strokes on black, as an image of the network's size.
import { byId } from "./dom.js";
import { centredPixels } from "./ink.js";
import type { SampleBytes } from "./prediction-queue.js";

/** As in MNIST's digits: about 2.6 of 28 pixels wide. */
const PEN_SHARE = 2.6 / 28;
/** Pixels of the canvas per pixel of the image. */
const SCALE = 8;
/** Per key press, as a share of the canvas. */
const KEY_STEP = 1 / 28;

interface Point {
  x: number;
  y: number;
}

export class DrawingPad {
  private readonly canvas = byId("canvas", HTMLCanvasElement);
  private readonly clearButton = byId("clear", HTMLButtonElement);
  private readonly context: CanvasRenderingContext2D;
  private readonly onStroke: () => void;
  private size = { height: 0, width: 0 };
  private last: Point | undefined;
  /** Moved by keys; as shares of the canvas. */
  private pen = { x: 0.5, y: 0.5, isDown: false };

  /** @param onStroke called when the drawing has changed */
  constructor(onStroke: () => void) {
    this.onStroke = onStroke;
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("no canvas");
    this.context = context;
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.last = this.pointOf(event);
      this.drawLine(this.last, this.last);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.last) return;
      const next = this.pointOf(event);
      this.drawLine(this.last, next);
      this.last = next;
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      this.canvas.addEventListener(end, () => (this.last = undefined));
    }
    this.canvas.addEventListener("keydown", (event) => this.handleKey(event));
  }

  /** Sets the size of images; undefined: there is nothing to draw on. */
  show(size: { height: number; width: number } | undefined): void {
    byId("pad", HTMLElement).hidden = !size;
    if (!size || (size.height === this.size.height && size.width === this.size.width)) return;
    this.size = size;
    this.canvas.width = SCALE * size.width;
    this.canvas.height = SCALE * size.height;
    this.clear();
  }

  clear(): void {
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** The network's input, one byte per pixel. */
  pixels(): SampleBytes {
    return centredPixels(this.canvas, this.size);
  }

  private pointOf(event: PointerEvent): Point {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - left) / width) * this.canvas.width,
      y: ((event.clientY - top) / height) * this.canvas.height,
    };
  }

  private drawLine(from: Point, to: Point): void {
    const { context } = this;
    context.strokeStyle = "#fff";
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = PEN_SHARE * Math.max(this.canvas.width, this.canvas.height);
    context.beginPath();
    context.moveTo(from.x, from.y);
    // Browsers do not draw lines of length 0.
    context.lineTo(to.x + 0.01, to.y);
    context.stroke();
    this.onStroke();
  }

  private handleKey(event: KeyboardEvent): void {
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = moves[event.key];
    if (event.key === " ") this.pen.isDown = !this.pen.isDown;
    else if (event.key === "Delete" || event.key === "Backspace") this.clearButton.click();
    else if (!move) return;
    event.preventDefault();
    const from = this.penPoint();
    const [dx, dy] = move ?? [0, 0];
    this.pen.x = Math.min(1, Math.max(0, this.pen.x + KEY_STEP * dx));
    this.pen.y = Math.min(1, Math.max(0, this.pen.y + KEY_STEP * dy));
    if (this.pen.isDown) this.drawLine(from, this.penPoint());
  }

  private penPoint(): Point {
    return { x: this.pen.x * this.canvas.width, y: this.pen.y * this.canvas.height };
  }
}
