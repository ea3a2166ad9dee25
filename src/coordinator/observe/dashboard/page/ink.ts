// Prepares a drawing as MNIST's digits were (yann.lecun.com/exdb/mnist): scaled into a box, centred by its centre of mass.

/** The box is 20 of 28 pixels wide. */
const BOX_SHARE = 20 / 28;
const MIN_INK = 32;

/** @returns one byte per pixel, row by row */
export function centredPixels(
  drawing: HTMLCanvasElement,
  { height, width }: { height: number; width: number },
): Uint8Array<ArrayBuffer> {
  const ink = measureInk(drawing);
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  const context = small.getContext("2d");
  if (!context || !ink) return new Uint8Array(width * height);
  const boxSide = BOX_SHARE * Math.min(width, height);
  const scale = boxSide / Math.max(ink.right - ink.left, ink.bottom - ink.top, 1);
  context.imageSmoothingQuality = "high";
  context.translate(width / 2, height / 2);
  context.scale(scale, scale);
  context.translate(-ink.centreX, -ink.centreY);
  context.drawImage(drawing, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return Uint8Array.from({ length: width * height }, (_, index) => data[4 * index]!);
}

/** The bounds of the ink and its centre of mass; undefined if there is no ink. */
function measureInk(drawing: HTMLCanvasElement) {
  const image = drawing.getContext("2d")?.getImageData(0, 0, drawing.width, drawing.height);
  if (!image) return undefined;
  const { data, width, height } = image;
  let [left, right, top, bottom] = [width, 0, height, 0];
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = data[4 * (y * width + x)]!;
      if (value < MIN_INK) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      mass += value;
      sumX += value * x;
      sumY += value * y;
    }
  }
  if (mass === 0) return undefined;
  return { left, right, top, bottom, centreX: sumX / mass, centreY: sumY / mass };
}
