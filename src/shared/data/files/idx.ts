// IDX, the format of MNIST's files: a big-endian magic number, the sizes, then one unsigned byte a value.
// Source: Yann LeCun's page "The MNIST database of handwritten digits", section "File formats".
import { gunzipSync } from "node:zlib";
import { messageOf, TandemError } from "../../errors.js";

const IMAGES_MAGIC = 0x00000803;
const LABELS_MAGIC = 0x00000801;
const MAX_SIDE = 1024;
const MAX_PIXELS_PER_IMAGE = 256 * 256; // beyond it, fc1 alone would need more than a gigabyte
const MAX_UNZIPPED_BYTES = 2 ** 31;

export interface IdxImages {
  count: number;
  height: number;
  width: number;
  /** count × height × width values, row by row. */
  pixels: Uint8Array;
}

function damaged(file: string, what: string): TandemError {
  return new TandemError(
    "data-file-damaged",
    `${file}: ${what}. Fetch the file again, or give another folder with --data.`,
  );
}

/** The file's content, unpacked if it is gzipped (told by its first two bytes, not by its name). */
export function unzipped(file: string, bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNZIPPED_BYTES });
  } catch (error) {
    throw damaged(file, `the gzip stream is damaged or too large (${messageOf(error)})`);
  }
}

function readHeader(file: string, bytes: Uint8Array, magic: number, what: string): number[] {
  const dimensions = magic & 0xff;
  const headerLength = 4 + 4 * dimensions;
  if (bytes.length < headerLength) {
    throw damaged(file, `cut short: ${bytes.length} bytes, the header alone has ${headerLength}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = view.getUint32(0);
  if (found !== magic) {
    throw damaged(
      file,
      `not an IDX file of ${what}: magic number ${found}, expected ${magic} (0x${magic.toString(16).padStart(8, "0")})`,
    );
  }
  const sizes = Array.from({ length: dimensions }, (_, index) => view.getUint32(4 + 4 * index));
  const expectedLength = headerLength + sizes.reduce((product, size) => product * size, 1);
  if (bytes.length !== expectedLength) {
    const verb = bytes.length < expectedLength ? "cut short" : "longer than its header says";
    throw damaged(
      file,
      `${verb}: ${bytes.length} bytes, the header (${sizes.join(" × ")}) asks for ${expectedLength}`,
    );
  }
  return sizes;
}

/** @throws TandemError `data-file-damaged` where magic, sizes and length do not agree or the sizes are absurd */
export function parseImages(file: string, bytes: Uint8Array): IdxImages {
  const [count, height, width] = readHeader(file, bytes, IMAGES_MAGIC, "images");
  if (count === undefined || height === undefined || width === undefined || count === 0) {
    throw damaged(file, "it holds no images");
  }
  const absurd =
    height < 1 ||
    width < 1 ||
    height > MAX_SIDE ||
    width > MAX_SIDE ||
    height * width > MAX_PIXELS_PER_IMAGE;
  if (absurd) {
    throw damaged(
      file,
      `images of ${height} × ${width} pixels; from 1 × 1 to ${MAX_PIXELS_PER_IMAGE} pixels (256 × 256) can be trained on`,
    );
  }
  return { count, height, width, pixels: bytes.subarray(16) };
}

/** @throws TandemError `data-file-damaged` where magic, size and length do not agree */
export function parseLabels(file: string, bytes: Uint8Array): Uint8Array {
  readHeader(file, bytes, LABELS_MAGIC, "labels");
  return bytes.subarray(8);
}
