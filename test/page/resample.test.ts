// Pictures are resized in the browser as `tandem predict` resizes them with sharp, so that both predict the same.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { toNetworkInput } from "../../src/coordinator/observe/dashboard/page/resample.js";
import { readPicture } from "../../src/predict/pictures.js";
import { temporaryFolder } from "../support/data.js";

/** Opaque RGBA: smooth colours, an edge and fine stripes. */
function testPicture(width: number, height: number) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isInside = Math.hypot(x - width / 3, y - height / 2) < height / 4;
      const stripe = x > (2 * width) / 3 ? 60 * (Math.floor(y / 3) % 2) : 0;
      const colour = isInside
        ? [220, 40, 90]
        : [(200 * x) / width, (180 * y) / height + stripe, 120];
      data.set([...colour, 255], 4 * (y * width + x));
    }
  }
  return { width, height, data };
}

async function both(
  size: [number, number],
  shape: [height: number, width: number, channels: 1 | 3],
  invert = false,
) {
  const picture = testPicture(...size);
  const file = join(temporaryFolder(), "picture.png");
  const [width, height] = size;
  const raw = { width, height, channels: 4 as const };
  await writeFile(file, await sharp(Buffer.from(picture.data), { raw }).png().toBuffer());
  const [shapeHeight, shapeWidth, channels] = shape;
  return {
    here: toNetworkInput(picture, { height: shapeHeight, width: shapeWidth, channels }, invert),
    there: await readPicture(file, { shape, invert }),
  };
}

function meanDifference(here: Uint8Array, there: Uint8Array): number {
  expect(here).toHaveLength(there.length);
  return here.reduce((sum, value, index) => sum + Math.abs(value - there[index]!), 0) / here.length;
}

test.each([
  ["a large picture, RGB", [640, 480], [32, 32, 3]],
  ["a picture that is stretched, RGB", [200, 90], [48, 40, 3]],
  ["a large picture, grey", [500, 400], [28, 28, 1]],
  ["a small picture that is enlarged", [20, 16], [40, 48, 3]],
  ["a picture of the size itself", [28, 28], [28, 28, 3]],
] as const)("%s: within 1 of 255 on average", async (_name, size, shape) => {
  const { here, there } = await both([...size], [...shape]);
  expect(meanDifference(here, there)).toBeLessThan(1);
});

test("a picture that gets lower and wider: within 3 of 255", async () => {
  // libvips also shifts it by half a pixel in the direction in which it is reduced.
  const { here, there } = await both([90, 120], [30, 180, 3]);
  expect(meanDifference(here, there)).toBeLessThan(3);
});

test("inverted: black becomes white", async () => {
  const { here, there } = await both([300, 300], [28, 28, 1], true);
  expect(meanDifference(here, there)).toBeLessThan(2);
  const { here: upright } = await both([300, 300], [28, 28, 1]);
  expect([...here].map((value) => 255 - value)).toEqual([...upright]);
});

test("grey pixels of the right size stay what they are, to the bit", () => {
  const values = Uint8Array.from({ length: 256 }, (_, index) => index);
  const data = Uint8Array.from([...values].flatMap((value) => [value, value, value, 255]));
  const shape = { height: 16, width: 16, channels: 1 };
  expect([...toNetworkInput({ width: 16, height: 16, data }, shape, false)]).toEqual([...values]);
});
