// Predictions of the run's current weights for the user's own samples: drawings, pictures, or values entered by column.
import type { PictureShape } from "../page-update.js";
import { clearAnswer, showAnswer, showRefusal } from "./answer.js";
import { ColumnForm } from "./column-form.js";
import { byId } from "./dom.js";
import { DrawingPad } from "./drawing-pad.js";
import { listenForPictures } from "./picture-input.js";
import { drawPicture } from "./picture.js";
import { PredictionQueue, type SampleBytes } from "./prediction-queue.js";
import { type RgbaPicture, toNetworkInput } from "./resample.js";
import type { Run } from "./run.js";

/** Larger images are not for drawing by hand. */
const MAX_DRAWN_SIDE = 64;

export class TryPanel {
  private readonly seen = byId("seen", HTMLCanvasElement);
  private readonly invert = byId("invert", HTMLInputElement);
  private readonly pad = new DrawingPad(() => this.ask(() => this.pad.pixels()));
  private readonly form = new ColumnForm(() => this.askForColumns());
  private readonly queue = new PredictionQueue(
    (prediction) => {
      if (this.run) showAnswer(prediction, this.run);
    },
    (reason) => this.refuse(`No prediction: ${reason}.`),
  );
  private run: Run | undefined;
  private shape: PictureShape | undefined;
  /** Names of the classes for which the answer was laid out. */
  private names: readonly string[] | undefined | null = null;
  private picture: RgbaPicture | undefined;

  constructor() {
    const onPicture = (picture: RgbaPicture) => {
      this.picture = picture;
      this.pad.clear();
      this.askForPicture();
    };
    const onRefusal = (reason: string) => {
      this.queue.drop();
      this.refuse(reason);
    };
    listenForPictures({ onPicture, onRefusal }, () => this.shape !== undefined && this.isOpen);
    this.invert.addEventListener("change", () => this.askForPicture());
    byId("clear", HTMLButtonElement).addEventListener("click", () => this.clear());
  }

  /** Whether a sample can be given now: not after the run, and only if inputs are pictures or few values. */
  get isOpen(): boolean {
    const { run, shape } = this;
    return Boolean(run?.canPredict && (shape ?? run.start?.columns));
  }

  show(run: Run): void {
    this.run = run;
    const shape = pictureInputOf(run);
    const isOther = JSON.stringify(shape) !== JSON.stringify(this.shape);
    this.shape = shape;
    byId("try-picture", HTMLElement).hidden = !shape;
    this.form.show(shape ? undefined : run.start?.columns);
    const isDrawn = shape !== undefined && isDrawable(shape);
    this.pad.show(isDrawn ? shape : undefined);
    byId("try-picture", HTMLElement).classList.toggle("without-pad", !isDrawn);
    const names = run.start?.classNames;
    if (!isOther && names === this.names) return;
    this.names = names;
    clearAnswer(run);
    if (!shape) {
      // The prediction for the mean of the training set.
      if (this.isOpen) this.askForColumns();
      return;
    }
    byId("invert-field", HTMLElement).hidden = shape.channels !== 1;
    const kind = shape.channels === 1 ? "" : ", RGB";
    byId("seen-note", HTMLElement).textContent =
      `The network's input, ${shape.height} × ${shape.width}${kind}`;
    this.clear();
  }

  private clear(): void {
    this.queue.drop();
    this.picture = undefined;
    this.pad.clear();
    this.form.reset();
    if (this.run) clearAnswer(this.run);
    const { shape } = this;
    if (shape) {
      const { height, width, channels } = shape;
      drawPicture(this.seen, new Uint8Array(height * width * channels), shape);
    }
  }

  private askForPicture(): void {
    const { picture, shape } = this;
    if (!picture || !shape) return;
    const bytes = toNetworkInput(picture, shape, shape.channels === 1 && this.invert.checked);
    this.ask(() => bytes);
  }

  private askForColumns(): void {
    const { inputType } = this.run?.description ?? {};
    if (!inputType) return;
    const sample = this.form.read(inputType);
    if (typeof sample === "string") {
      this.queue.drop();
      this.refuse(sample);
    } else {
      this.enqueue(() => sample);
    }
  }

  private refuse(reason: string): void {
    if (this.run) showRefusal(reason, this.run);
  }

  /** @param sample is called for each attempt */
  private enqueue(sample: () => SampleBytes): void {
    if (this.run?.end) {
      this.refuse("The run is over. Use tandem predict with its checkpoint.");
      return;
    }
    this.queue.ask(sample);
  }

  /** Also shows the network's input. */
  private ask(sample: () => SampleBytes): void {
    this.enqueue(() => {
      const bytes = sample();
      if (this.shape) drawPicture(this.seen, bytes, this.shape);
      return bytes;
    });
  }
}

/** As in `tandem predict`: the range of float32 pictures is not known. */
function pictureInputOf({ description }: Run): PictureShape | undefined {
  const [height, width, channels] = description?.inputShape ?? [];
  if (description?.inputType !== "uint8" || height === undefined || width === undefined) {
    return undefined;
  }
  return channels === 1 || channels === 3 ? { height, width, channels } : undefined;
}

function isDrawable({ height, width, channels }: PictureShape): boolean {
  return channels === 1 && height <= MAX_DRAWN_SIDE && width <= MAX_DRAWN_SIDE;
}
