// Shapes, types and checks of the graph builder.
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/shared/graph/builder.js";

const same = { strides: [1, 1], padding: "same" } as const;

function images(builder: GraphBuilder, ...sides: [number, number, number]) {
  return builder.placeholder("images", [-1, ...sides]);
}

describe("shapes", () => {
  it("follows SAME and VALID windows through convolutions and their gradients", () => {
    const builder = new GraphBuilder();
    const x = images(builder, 28, 27, 3);
    const kernel = builder.variable("kernel", [5, 4, 3, 8]);
    const strided = { strides: [2, 3], padding: "valid" } as const;
    const y = builder.conv2d.forward(x, kernel, strided);
    expect(y.shape).toEqual([-1, 12, 8, 8]);
    expect(builder.conv2d.forward(x, kernel, same).shape).toEqual([-1, 28, 27, 8]);
    expect(builder.conv2d.inputGradient(kernel, y, [28, 27, 3], strided).shape).toEqual(x.shape);
    const window = { size: [5, 4], ...strided } as const;
    expect(builder.conv2d.kernelGradient(x, y, window).shape).toEqual(kernel.shape);
  });

  it("multiplies the channels of depthwise convolutions", () => {
    const builder = new GraphBuilder();
    const x = images(builder, 8, 8, 3);
    const kernel = builder.variable("kernel", [3, 3, 3, 2]);
    const y = builder.depthwiseConv2d.forward(x, kernel, same);
    expect(y.shape).toEqual([-1, 8, 8, 6]);
    expect(builder.depthwiseConv2d.inputGradient(kernel, y, [8, 8, 3], same).shape).toEqual(
      x.shape,
    );
    const window = { size: [3, 3], ...same } as const;
    expect(builder.depthwiseConv2d.kernelGradient(x, y, window).shape).toEqual(kernel.shape);
  });

  it("gives pools their notes and gradients the shape of the input", () => {
    const builder = new GraphBuilder();
    const x = images(builder, 7, 7, 2);
    const window = { size: [3, 3], strides: [2, 2], padding: "same" } as const;
    const pooled = builder.maxPool(x, window);
    expect(pooled.y.shape).toEqual([-1, 4, 4, 2]);
    expect(pooled.notes.type).toBe("opaque");
    expect(builder.maxPoolGradient(x, pooled, pooled.y, window).shape).toEqual(x.shape);
    const mean = builder.averagePool(x, window);
    expect(builder.averagePoolGradient(mean, [7, 7, 2], window).shape).toEqual(x.shape);
  });

  it("multiplies matrices, transposed or not", () => {
    const builder = new GraphBuilder();
    const x = builder.placeholder("x", [-1, 5]);
    const kernel = builder.variable("kernel", [5, 3]);
    const y = builder.matMul(x, kernel);
    expect(y.shape).toEqual([-1, 3]);
    expect(builder.matMul(x, y, { transposeA: true }).shape).toEqual([5, 3]);
    expect(builder.matMul(y, kernel, { transposeB: true }).shape).toEqual([-1, 5]);
  });

  it("joins, cuts and pads along the axes of one sample", () => {
    const builder = new GraphBuilder();
    const a = images(builder, 4, 4, 2);
    const b = images(builder, 4, 4, 3);
    const joined = builder.concat([a, b], 2);
    expect(joined.shape).toEqual([-1, 4, 4, 5]);
    expect(builder.slice(joined, 2, 2, 3).shape).toEqual(b.shape);
    const border = { top: 1, bottom: 2, left: 3, right: 0 };
    const padded = builder.pad(a, border);
    expect(padded.shape).toEqual([-1, 7, 7, 2]);
    expect(builder.crop(padded, border).shape).toEqual(a.shape);
    expect(builder.reshape(a, [32]).shape).toEqual([-1, 32]);
  });

  it("takes labels for classes and values for other losses", () => {
    const builder = new GraphBuilder();
    const logits = builder.placeholder("logits", [-1, 10]);
    const labels = builder.placeholder("labels", [-1], "int32");
    const loss = { kind: "softmax-cross-entropy", labelSmoothing: 0 } as const;
    const { losses, gradient } = builder.loss(logits, labels, loss);
    expect(losses.shape).toEqual([-1]);
    expect(gradient.shape).toEqual([-1, 10]);
    const mean = { kind: "mean-squared-error" } as const;
    expect(builder.loss(logits, logits, mean).losses.shape).toEqual([-1]);
    expect(() => builder.loss(logits, labels, mean)).toThrow(RangeError);
    expect(() => builder.loss(logits, logits, loss)).toThrow(RangeError);
  });

  it("steps variables that exist, in the shape of the gradient", () => {
    const builder = new GraphBuilder();
    for (const name of ["w", "m", "v"]) builder.variable(name, [3]);
    const gradient = builder.placeholder("gradient", [3]);
    const rate = builder.placeholder("rate", []);
    const rule = { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
    const step = { kind: "optimizer-step", variable: "w", slots: ["m", "v"], rule } as const;
    const decay = builder.scaleVariable("w", rate);
    const done = builder.step(step, gradient, rate, [decay]);
    expect(done).toMatchObject({ type: "effect", shape: [] });
    expect(done.node.after).toEqual([decay]);
    expect(() => builder.step({ ...step, slots: ["m", "none"] }, gradient, rate)).toThrow(
      /no variable none/,
    );
    expect(() => builder.step(step, rate, rate)).toThrow(RangeError);
  });
});

describe("checks", () => {
  it("refuses what does not fit", () => {
    const builder = new GraphBuilder();
    const x = images(builder, 4, 4, 2);
    const rows = builder.placeholder("rows", [-1, 3]);
    const vector = builder.variable("vector", [5]);
    const kernel = builder.variable("kernel", [5, 5, 2, 1]);
    const valid = { strides: [1, 1], padding: "valid" } as const;
    expect(() => builder.biasAdd(x, vector)).toThrow(RangeError);
    expect(() => builder.conv2d.forward(x, kernel, valid)).toThrow(/5×5 in an image 4×4/);
    expect(() => builder.conv2d.forward(rows, kernel, valid)).toThrow(/rank 4/);
    expect(() => builder.matMul(rows, rows)).toThrow(/does not multiply/);
    expect(() => builder.addTensors(x, rows)).toThrow(RangeError);
    expect(() => builder.reshape(x, [31])).toThrow(/reshaped/);
    expect(() => builder.slice(x, 2, 1, 2)).toThrow(RangeError);
    expect(() => builder.concat([x, rows], 0)).toThrow(RangeError);
    expect(() => builder.constant("c", [2], Float32Array.of(1))).toThrow(RangeError);
    expect(() => builder.variable("kernel", [5])).toThrow(RangeError);
    expect(() => builder.clipFactor([], 1)).toThrow(RangeError);
  });

  it("refuses values of another graph", () => {
    const rows = new GraphBuilder().placeholder("rows", [-1, 3]);
    expect(() => new GraphBuilder().softmax(rows)).toThrow(/another graph/);
  });

  it("names nodes by scope, each once, and variables outside of scopes", () => {
    const builder = new GraphBuilder();
    const names = builder.within("a", () =>
      builder.within("b", () => [
        builder.placeholder("x", [-1, 2]).node.name,
        builder.placeholder("x", [-1, 2]).node.name,
        builder.variable("w", [2]).node.name,
      ]),
    );
    expect(names).toEqual(["a/b/x", "a/b/x_1", "w"]);
    expect(builder.variable("w", [2])).toBe(builder.variable("w", [2]));
  });
});
