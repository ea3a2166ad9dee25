// Depthwise convolutions, and the gradients of their inputs. Lanes are channels. Each output is a sum over the window, row by row
// in ascending order.
import { copyImageLanes, copyLanes, LaneOrder, Lanes, roundLanes } from "./copy-lanes";
import { Scratch } from "./scratch";

/**
 * Places windows on the images x [images,height,width,values] like `convolve` (with the same parameter names), and writes each
 * lane's sum of products with its kernel to y [images,yHeight,yWidth,lanes].
 *
 * In the forward pass, a value of x is used for `repeat` lanes, and the window has one plane. For the input's gradient, the values
 * of x (dY) are lanes of `planes` planes, which are summed as well, and the kernel is rotated: for row i and column j of the
 * window it is read at kernelRow + i · kernelRowStep and kernelColumn + j · kernelColumnStep.
 *
 * A part is partRows rows of windows of an image. The scratch memory holds the kernel and the part of the image under the
 * windows.
 */
export function convolveDepthwise(
  scratch: usize,
  from: i32,
  to: i32,
  x: usize,
  kernel: usize,
  y: usize,
  height: i32,
  width: i32,
  lanes: i32,
  planes: i32,
  repeat: i32,
  kernelWidth: i32,
  kernelRow: i32,
  kernelColumn: i32,
  kernelRowStep: i32,
  kernelColumnStep: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
  gridHeight: i32,
  gridWidth: i32,
  yHeight: i32,
  yWidth: i32,
  yTop: i32,
  yLeft: i32,
  yStrideHeight: i32,
  yStrideWidth: i32,
  partRows: i32,
): void {
  const memory = Scratch.at(scratch);
  const order = changetype<LaneOrder>(memory.take(offsetof<LaneOrder>()));
  const laneBytes = (<usize>roundLanes(lanes)) << 2;
  const weights = memory.take(<usize>(windowHeight * windowWidth * planes) * laneBytes);
  const copy = memory.take(0);

  order.set(0, lanes, planes, 1);
  const kernelBytes = (<usize>(lanes * planes)) << 2;
  for (let i = 0; i < windowHeight; i++) {
    for (let j = 0; j < windowWidth; j++) {
      const row = kernelRow + i * kernelRowStep;
      const source =
        kernel + <usize>(row * kernelWidth + kernelColumn + j * kernelColumnStep) * kernelBytes;
      copyLanes(weights + <usize>(i * windowWidth + j) * order.pixelBytes, source, order);
    }
  }

  order.set(0, lanes, planes, repeat);
  const valueBytes = (<usize>((lanes * planes) / repeat)) << 2;
  const yPixelBytes = (<usize>lanes) << 2;
  const coveredColumns = (gridWidth - 1) * strideWidth + windowWidth;
  const rowBytes = <usize>coveredColumns * order.pixelBytes;
  const step = <usize>strideWidth * order.pixelBytes;
  const yStep = <usize>yStrideWidth * yPixelBytes;
  const bands = (gridHeight + partRows - 1) / partRows;
  for (let part = from; part < to; part++) {
    const image = part / bands;
    const firstRow = (part % bands) * partRows;
    const endRow = min(gridHeight, firstRow + partRows);
    copyImageLanes(
      copy,
      order,
      x + <usize>(image * height * width) * valueBytes,
      height,
      width,
      valueBytes,
      top + firstRow * strideHeight,
      left,
      (endRow - firstRow - 1) * strideHeight + windowHeight,
      coveredColumns,
    );
    for (let row = firstRow; row < endRow; row++) {
      const yRow = (image * yHeight + yTop + row * yStrideHeight) * yWidth + yLeft;
      for (let lane = 0; lane < lanes; lane += 4) {
        const laneOffset = (<usize>lane) << 2;
        slideRow(
          copy + <usize>((row - firstRow) * strideHeight) * rowBytes + laneOffset,
          rowBytes,
          step,
          weights + laneOffset,
          laneBytes,
          windowHeight,
          windowWidth * planes,
          y + <usize>yRow * yPixelBytes + laneOffset,
          yStep,
          gridWidth,
          lanes - lane,
        );
      }
    }
  }
}

/**
 * Four lanes of a row of windows, four windows at a time. If fewer than four are left, some are computed again, with the same
 * result.
 * @param step from one window to the next, in bytes
 * @param laneBytes from one value of the window to the next, in the image and in the weights
 */
function slideRow(
  x: usize,
  rowBytes: usize,
  step: usize,
  weights: usize,
  laneBytes: usize,
  windowHeight: i32,
  windowColumns: i32,
  y: usize,
  yStep: usize,
  windows: i32,
  lanes: i32,
): void {
  const last = windows - 1;
  for (let first = 0; first < windows; first += 4) {
    const w0 = <usize>first;
    const w1 = <usize>min(first + 1, last);
    const w2 = <usize>min(first + 2, last);
    const w3 = <usize>min(first + 3, last);
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0);
    let weight = weights;
    for (let row = 0; row < windowHeight; row++) {
      const start = x + <usize>row * rowBytes;
      let x0 = start + w0 * step;
      let x1 = start + w1 * step;
      let x2 = start + w2 * step;
      let x3 = start + w3 * step;
      for (let column = 0; column < windowColumns; column++) {
        const factor = v128.load(weight);
        sum0 = f32x4.add(sum0, f32x4.mul(v128.load(x0), factor));
        sum1 = f32x4.add(sum1, f32x4.mul(v128.load(x1), factor));
        sum2 = f32x4.add(sum2, f32x4.mul(v128.load(x2), factor));
        sum3 = f32x4.add(sum3, f32x4.mul(v128.load(x3), factor));
        x0 += laneBytes;
        x1 += laneBytes;
        x2 += laneBytes;
        x3 += laneBytes;
        weight += laneBytes;
      }
    }
    Lanes.store(y + w0 * yStep, sum0, lanes);
    Lanes.store(y + w1 * yStep, sum1, lanes);
    Lanes.store(y + w2 * yStep, sum2, lanes);
    Lanes.store(y + w3 * yStep, sum3, lanes);
  }
}
