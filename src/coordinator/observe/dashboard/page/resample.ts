// Converts a picture to a network's input: grey or RGB, stretched to its height and width, as `tandem predict` does with libvips.
// The kernel is Lanczos's if the picture gets smaller, Catmull and Rom's if it gets larger. Pure.
import type { PictureShape } from "../page-update.js";

/** Opaque RGBA pixels, row by row, such as a browser's ImageData. */
export interface RgbaPicture {
  width: number;
  height: number;
  data: ArrayLike<number>;
}

interface Kernel {
  radius: number;
  weight: (distance: number) => number;
}

/** sinc(x)·sinc(x/3) (Duchon, "Lanczos Filtering in One and Two Dimensions", 1979). */
const LANCZOS: Kernel = {
  radius: 3,
  weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0),
};

/** Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, with a = −½. */
const CATMULL_ROM: Kernel = {
  radius: 2,
  weight: (distance) => {
    const x = Math.abs(distance);
    if (x < 1) return 1.5 * x ** 3 - 2.5 * x ** 2 + 1;
    return x < 2 ? -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 : 0;
  },
};

/**
 * @param isInverted whether black becomes white, for networks that expect light strokes on black
 * @returns one byte per value, row by row with the channels together
 */
export function toNetworkInput(
  picture: RgbaPicture,
  { height, width, channels }: PictureShape,
  isInverted: boolean,
): Uint8Array<ArrayBuffer> {
  const planes = channels === 1 ? [greyPlane(picture)] : [0, 1, 2].map((c) => plane(picture, c));
  const resized = planes.map((each) => {
    const narrow = resizeRows(each, picture.width, picture.height, width);
    // The columns are the rows of the transposed picture.
    const turned = transpose(narrow, width, picture.height);
    return transpose(resizeRows(turned, picture.height, width, height), height, width);
  });
  const bytes = new Uint8ClampedArray(height * width * channels);
  resized.forEach((values, channel) => {
    values.forEach((value, pixel) => {
      bytes[pixel * channels + channel] = isInverted ? 255 - value : value;
    });
  });
  return new Uint8Array(bytes.buffer);
}

function plane({ width, height, data }: RgbaPicture, channel: number): Float32Array {
  return Float32Array.from({ length: width * height }, (_, pixel) => data[4 * pixel + channel]!);
}

/** Relative luminance, encoded as sRGB (IEC 61966-2-1). */
function greyPlane({ width, height, data }: RgbaPicture): Float32Array {
  const linear = Float32Array.from({ length: 256 }, (_, value) => decode(value / 255));
  return Float32Array.from({ length: width * height }, (_, pixel) => {
    const [red, green, blue] = [data[4 * pixel]!, data[4 * pixel + 1]!, data[4 * pixel + 2]!];
    // Grey stays exactly the same.
    if (red === green && green === blue) return red;
    const luminance = 0.2126 * linear[red]! + 0.7152 * linear[green]! + 0.0722 * linear[blue]!;
    return Math.round(255 * encode(luminance));
  });
}

function decode(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function encode(value: number): number {
  return value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
}

/** Resizes each of `rows` rows from `from` to `to` values. Beyond its ends a row continues with its end value. */
function resizeRows(values: Float32Array, from: number, rows: number, to: number): Float32Array {
  if (from === to) return values;
  const scale = from / to;
  const kernel = scale > 1 ? LANCZOS : CATMULL_ROM;
  const stretch = Math.max(1, scale);
  const taps = Array.from({ length: to }, (_, target) => {
    // When enlarging, libvips measures pixels from their corners, half a new pixel to the left of their centres.
    const centre = (target + (scale > 1 ? 0.5 : 0)) * scale - 0.5;
    const first = Math.ceil(centre - kernel.radius * stretch);
    const last = Math.floor(centre + kernel.radius * stretch);
    const weights = Array.from({ length: last - first + 1 }, (_tap, index) => {
      return kernel.weight((first + index - centre) / stretch);
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
  const resized = new Float32Array(rows * to);
  for (let row = 0; row < rows; row++) {
    taps.forEach(({ first, weights }, target) => {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++) {
        const at = Math.min(from - 1, Math.max(0, first + tap));
        sum += weights[tap]! * values[row * from + at]!;
      }
      resized[row * to + target] = sum;
    });
  }
  return resized;
}

function transpose(values: Float32Array, width: number, height: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) turned[x * height + y] = values[y * width + x]!;
  }
  return turned;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
