// Gradients of depthwise convolutions with respect to their kernels. Lanes are output channels. Each output is a sum over the
// windows of all images, in blocks as in kernel-gradient.ts.
import { copyImageLanes, LaneOrder, Lanes, roundLanes } from "./copy-lanes";
import { Scratch } from "./scratch";

/**
 * x [images,height,width,lanes / repeat], dY [images,outHeight,outWidth,lanes] → dKernel [windowHeight,windowWidth,lanes].
 * Windows and blocks are those of convolutionKernelGradient.
 *
 * A part is four lanes. The scratch memory holds the sums of a block, and the part of the images under the windows and dY.
 */
export function depthwiseKernelGradient(
  scratch: usize,
  from: i32,
  to: i32,
  x: usize,
  dy: usize,
  dKernel: usize,
  images: i32,
  height: i32,
  width: i32,
  lanes: i32,
  repeat: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  blockImages: i32,
  blockRows: i32,
): void {
  const firstLane = from * 4;
  const laneCount = min(lanes, to * 4) - firstLane;
  const laneBytes = (<usize>roundLanes(laneCount)) << 2;
  const xBytes = (<usize>(lanes / repeat)) << 2;
  const yBytes = (<usize>lanes) << 2;
  const pixels = windowHeight * windowWidth;
  const coveredColumns = (outWidth - 1) * strideWidth + windowWidth;
  const coveredRows = (blockRows - 1) * strideHeight + windowHeight;
  const rowBytes = <usize>coveredColumns * laneBytes;
  const copyBytes = <usize>coveredRows * rowBytes;

  const memory = Scratch.at(scratch);
  const xOrder = changetype<LaneOrder>(memory.take(offsetof<LaneOrder>()));
  const yOrder = changetype<LaneOrder>(memory.take(offsetof<LaneOrder>()));
  const sums = memory.take(<usize>pixels * laneBytes);
  const copies = memory.take(<usize>blockImages * copyBytes);
  const dyCopy = memory.take(0);
  xOrder.set(firstLane, laneCount, 1, repeat);
  yOrder.set(firstLane, laneCount, 1, 1);

  for (let image = 0; image < images; image += blockImages) {
    const groups = min(blockImages, images - image);
    for (let row = 0; row < outHeight; row += blockRows) {
      const rows = min(blockRows, outHeight - row);
      for (let i = 0; i < groups; i++) {
        copyImageLanes(
          copies + <usize>i * copyBytes,
          xOrder,
          x + <usize>((image + i) * height * width) * xBytes,
          height,
          width,
          xBytes,
          top + row * strideHeight,
          left,
          (rows - 1) * strideHeight + windowHeight,
          coveredColumns,
        );
      }
      const dyBlock = dy + <usize>((image * outHeight + row) * outWidth) * yBytes;
      const count = groups * rows * outWidth;
      copyImageLanes(dyCopy, yOrder, dyBlock, 1, count, yBytes, 0, 0, 1, count);
      for (let pixel = 0; pixel < pixels; pixel += 4) {
        for (let offset: usize = 0; offset < laneBytes; offset += 16) {
          sumFourPixels(
            copies + offset,
            rowBytes,
            copyBytes,
            dyCopy + offset,
            laneBytes,
            sums + offset,
            pixel,
            pixels,
            windowWidth,
            strideHeight,
            strideWidth,
            groups,
            rows,
            outWidth,
            image + row > 0,
          );
        }
      }
    }
  }

  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let lane = 0; lane < laneCount; lane += 4) {
      const sum = v128.load(sums + <usize>pixel * laneBytes + ((<usize>lane) << 2));
      const target = dKernel + <usize>pixel * yBytes + ((<usize>(firstLane + lane)) << 2);
      Lanes.store(target, sum, laneCount - lane);
    }
  }
}

/** Sums for four lanes of four pixels of the kernel. If fewer pixels are left, the last one is computed several times. */
function sumFourPixels(
  x: usize,
  rowBytes: usize,
  copyBytes: usize,
  dy: usize,
  laneBytes: usize,
  sums: usize,
  pixel: i32,
  pixels: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  groups: i32,
  rows: i32,
  columns: i32,
  isSum: bool,
): void {
  const last = pixels - 1;
  const p1 = min(pixel + 1, last);
  const p2 = min(pixel + 2, last);
  const p3 = min(pixel + 3, last);
  const o0 = pixelOffset(pixel, windowWidth, rowBytes, laneBytes);
  const o1 = pixelOffset(p1, windowWidth, rowBytes, laneBytes);
  const o2 = pixelOffset(p2, windowWidth, rowBytes, laneBytes);
  const o3 = pixelOffset(p3, windowWidth, rowBytes, laneBytes);
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  const step = <usize>strideWidth * laneBytes;
  for (let group = 0; group < groups; group++) {
    for (let row = 0; row < rows; row++) {
      let a = x + <usize>group * copyBytes + <usize>(row * strideHeight) * rowBytes;
      for (let column = 0; column < columns; column++) {
        const factor = v128.load(dy);
        sum0 = f32x4.add(sum0, f32x4.mul(v128.load(a + o0), factor));
        sum1 = f32x4.add(sum1, f32x4.mul(v128.load(a + o1), factor));
        sum2 = f32x4.add(sum2, f32x4.mul(v128.load(a + o2), factor));
        sum3 = f32x4.add(sum3, f32x4.mul(v128.load(a + o3), factor));
        a += step;
        dy += laneBytes;
      }
    }
  }
  const s0 = sums + <usize>pixel * laneBytes;
  const s1 = sums + <usize>p1 * laneBytes;
  const s2 = sums + <usize>p2 * laneBytes;
  const s3 = sums + <usize>p3 * laneBytes;
  if (isSum) {
    sum0 = f32x4.add(v128.load(s0), sum0);
    sum1 = f32x4.add(v128.load(s1), sum1);
    sum2 = f32x4.add(v128.load(s2), sum2);
    sum3 = f32x4.add(v128.load(s3), sum3);
  }
  v128.store(s0, sum0);
  v128.store(s1, sum1);
  v128.store(s2, sum2);
  v128.store(s3, sum3);
}

function pixelOffset(pixel: i32, windowWidth: i32, rowBytes: usize, laneBytes: usize): usize {
  return <usize>(pixel / windowWidth) * rowBytes + <usize>(pixel % windowWidth) * laneBytes;
}
