// The shape rule of each kind of layer: input shapes of one sample → output shape, or a sentence that says why they do not fit.
// Pure.
import { MAX_SAMPLE_VALUES, MAX_SIDE } from "./limits.js";
import { sizeOf } from "./network.js";
import { formatShape, refuseLayer } from "./problem.js";
import type { LayerSpec, Padding, Sides } from "./spec.js";
import { windowOutput } from "./window-shape.js";

type Shape = readonly number[];

/**
 * @param name for messages
 * @throws TandemError `network`
 */
export function inferShape(name: string, layer: LayerSpec, inputShapes: readonly Shape[]): Shape {
  const shape = applyRule(name, layer, inputShapes);
  checkSize(name, shape);
  return shape;
}

function applyRule(name: string, layer: LayerSpec, inputShapes: readonly Shape[]): Shape {
  if (layer.kind === "add") return addShape(name, inputShapes);
  if (layer.kind === "concatenate") return concatenateShape(name, layer.axis, inputShapes);
  const [input] = inputShapes;
  if (input === undefined || inputShapes.length > 1) {
    refuseLayer(
      name,
      `it has ${inputShapes.length} inputs, but a ${layer.kind} layer has one. Merge them with an add or concatenate layer.`,
    );
  }
  switch (layer.kind) {
    case "conv2d": {
      const [height, width] = windowSides(name, layer.kernelSize, layer, imageShape(name, input));
      return [height, width, layer.filters];
    }
    case "depthwise-conv2d": {
      const image = imageShape(name, input);
      const [height, width] = windowSides(name, layer.kernelSize, layer, image);
      return [height, width, image[2] * layer.depthMultiplier];
    }
    case "dense":
      if (input.length === 1) return [layer.units];
      return refuseLayer(
        name,
        `a dense layer takes a vector, but its input has the shape ${formatShape(input)}. Put a flatten layer before it.`,
      );
    case "batch-norm":
    case "activation":
    case "softmax":
    case "dropout":
      return input;
    case "max-pool":
    case "average-pool": {
      const image = imageShape(name, input);
      const [height, width] = windowSides(name, layer.poolSize, layer, image);
      return [height, width, image[2]];
    }
    case "global-average-pool":
    case "global-max-pool": {
      const [, , channels] = imageShape(name, input);
      return layer.keepDimensions ? [1, 1, channels] : [channels];
    }
    case "flatten":
      return [sizeOf(input)];
    case "reshape":
      if (sizeOf(layer.shape) === sizeOf(input)) return layer.shape;
      return refuseLayer(
        name,
        `its input ${formatShape(input)} has ${sizeOf(input)} values, but the shape ${formatShape(layer.shape)} has ${sizeOf(layer.shape)}.`,
      );
    case "zero-padding": {
      const [height, width, channels] = imageShape(name, input);
      const { top, bottom, left, right } = layer;
      return [top + height + bottom, left + width + right, channels];
    }
  }
}

function imageShape(name: string, input: Shape): readonly [number, number, number] {
  const [height, width, channels] = input;
  if (input.length === 3) return [height!, width!, channels!];
  return refuseLayer(
    name,
    `it takes images [height, width, channels], but its input has the shape ${formatShape(input)}. Put a reshape layer before it.`,
  );
}

function windowSides(
  name: string,
  size: Sides,
  { strides, padding }: { strides: Sides; padding: Padding },
  [height, width]: readonly [number, number, number],
): Sides {
  if (padding === "valid" && (size[0] > height || size[1] > width)) {
    refuseLayer(
      name,
      `its window of ${size[0]}×${size[1]} is larger than its input of ${height}×${width}. Use padding "same" or a smaller window.`,
    );
  }
  return windowOutput([height, width], { size, strides, padding });
}

function checkMerge(name: string, inputShapes: readonly Shape[]): Shape {
  const [first] = inputShapes;
  if (first !== undefined && inputShapes.length >= 2) return first;
  return refuseLayer(
    name,
    `it merges layers, but has ${inputShapes.length} input. Give it at least two.`,
  );
}

function addShape(name: string, inputShapes: readonly Shape[]): Shape {
  const first = checkMerge(name, inputShapes);
  const other = inputShapes.find((shape) => formatShape(shape) !== formatShape(first));
  if (other === undefined) return first;
  return refuseLayer(
    name,
    `it adds shapes that differ: ${formatShape(first)} and ${formatShape(other)}.`,
  );
}

function concatenateShape(name: string, axis: number, inputShapes: readonly Shape[]): Shape {
  const first = checkMerge(name, inputShapes);
  if (axis >= first.length) {
    refuseLayer(name, `its input of shape ${formatShape(first)} has no axis ${axis}.`);
  }
  const withoutAxis = (shape: Shape) => formatShape(shape.filter((_, index) => index !== axis));
  const other = inputShapes.find(
    (shape) => shape.length !== first.length || withoutAxis(shape) !== withoutAxis(first),
  );
  if (other !== undefined) {
    refuseLayer(
      name,
      `it concatenates ${formatShape(first)} and ${formatShape(other)} along axis ${axis}, but they differ along another axis.`,
    );
  }
  const total = inputShapes.reduce((sum, shape) => sum + shape[axis]!, 0);
  return first.map((side, index) => (index === axis ? total : side));
}

function checkSize(name: string, shape: Shape): void {
  const side = shape.slice(0, -1).find((value) => value > MAX_SIDE);
  if (side !== undefined) {
    refuseLayer(
      name,
      `its result ${formatShape(shape)} has a side of ${side}, and at most ${MAX_SIDE} is allowed.`,
    );
  }
  if (sizeOf(shape) > MAX_SAMPLE_VALUES) {
    refuseLayer(
      name,
      `its result ${formatShape(shape)} has ${sizeOf(shape)} values per sample, and at most ${MAX_SAMPLE_VALUES} are allowed.`,
    );
  }
}
