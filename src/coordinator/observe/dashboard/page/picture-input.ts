// Pictures that a person drops, pastes, chooses or takes, decoded by the browser: rotated as the camera recorded, with white
// behind transparent parts.
import { byId } from "./dom.js";
import type { RgbaPicture } from "./resample.js";

/** Larger files are unlikely to be pictures that someone wants to try. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Longer side of a picture that is resampled here. The browser scales larger ones down first, which is faster. */
const MAX_SIDE = 1024;

export interface PictureListener {
  onPicture: (picture: RgbaPicture) => void;
  /** @param reason a sentence for the user */
  onRefusal: (reason: string) => void;
}

/**
 * Listens until the page is closed.
 * @param isOpen whether pictures are currently accepted
 */
export function listenForPictures(listener: PictureListener, isOpen: () => boolean): void {
  for (const id of ["picture-file", "picture-photo"]) {
    const input = byId(id, HTMLInputElement);
    input.addEventListener("change", () => {
      const [file] = input.files ?? [];
      if (file) void receive(file, listener);
      // So that the same file can be chosen again.
      input.value = "";
    });
  }
  const section = byId("try-section", HTMLElement);
  const place = byId("drop", HTMLElement);
  section.addEventListener("dragover", (event) => {
    if (!isOpen()) return;
    event.preventDefault();
    place.classList.add("over");
  });
  section.addEventListener("dragleave", () => place.classList.remove("over"));
  section.addEventListener("drop", (event) => {
    if (!isOpen()) return;
    event.preventDefault();
    place.classList.remove("over");
    receiveTransfer(event.dataTransfer, listener);
  });
  document.addEventListener("paste", (event) => {
    if (!isOpen() || event.target instanceof HTMLInputElement) return;
    receiveTransfer(event.clipboardData, listener);
  });
}

function receiveTransfer(transfer: DataTransfer | null, listener: PictureListener): void {
  const file = [...(transfer?.files ?? [])][0];
  if (file) void receive(file, listener);
  else listener.onRefusal("What you dropped or pasted contains no picture.");
}

async function receive(file: File, { onPicture, onRefusal }: PictureListener): Promise<void> {
  const name = file.name === "" ? "The picture" : file.name;
  if (file.size > MAX_FILE_BYTES) {
    onRefusal(`${name} is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB.`);
    return;
  }
  try {
    onPicture(await decode(file));
  } catch {
    onRefusal(`${name} is not a picture that this browser can read.`);
  }
}

/** @throws DOMException if the file is not a picture */
async function decode(file: Blob): Promise<RgbaPicture> {
  const bitmap = await createImageBitmap(file);
  const factor = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(factor * bitmap.width));
  const height = Math.max(1, Math.round(factor * bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}
