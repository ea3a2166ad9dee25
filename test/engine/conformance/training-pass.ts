// The computation of a step, on a small scale.
import type { Value } from "../../../src/shared/graph/graph.js";
import { GraphBuilder } from "../../../src/shared/graph/builder.js";
import { randomLabels, randomValues } from "../../support/reference/random-values.js";

/** Forward and backward pass of a small network with batch normalisation; gradients of later layers come first. */
export function trainingPass() {
  const graph = new GraphBuilder();
  const samples = 5;
  const x = graph.placeholder("images", [-1, 8, 8, 2]);
  const labels = graph.placeholder("labels", [-1], "int32");
  const [kernel, dense] = [
    graph.constant("kernel", [3, 3, 2, 4], randomValues([3, 3, 2, 4], "kernel")),
    graph.constant("dense", [64, 3], randomValues([64, 3], "dense")),
  ];
  const [scale, beta] = [
    graph.constant("scale", [4], randomValues([4], "scale")),
    graph.constant("beta", [4], randomValues([4], "beta")),
  ];
  const window = { size: [2, 2], strides: [2, 2], padding: "same" } as const;
  const sliding = { size: [3, 3], strides: [1, 1], padding: "same" } as const;
  const convolution = graph.conv2d.forward(x, kernel, sliding);
  const moments = graph.moments(convolution);
  const normalised = graph.normalise(convolution, moments, scale, beta, 1e-5);
  const active = graph.activation(normalised, "relu");
  const pooled = graph.maxPool(active, window);
  const rows = graph.reshape(pooled.y, [64]);
  const logits = graph.matMul(rows, dense);
  const loss = graph.loss(logits, labels, { kind: "softmax-cross-entropy", labelSmoothing: 0 });
  const dDense = graph.matMul(rows, loss.gradient, { transposeA: true });
  const dRows = graph.matMul(loss.gradient, dense, { transposeB: true });
  const dActive = graph.maxPoolGradient(active, pooled, graph.reshape(dRows, [4, 4, 4]), window);
  const dNormalised = graph.activationGradient(dActive, normalised, active, "relu");
  const batchNorm = graph.batchNormGradient(dNormalised, convolution, moments, scale, 1e-5);
  const dKernel = graph.conv2d.kernelGradient(x, batchNorm.dx, sliding);
  const images = [samples, 8, 8, 2];
  const feeds = new Map<Value, { shape: number[]; values: Float32Array | Int32Array }>([
    [x, { shape: images, values: randomValues(images, "images") }],
    [labels, { shape: [samples], values: randomLabels(samples, 3, "labels") }],
  ]);
  const groups = [
    [loss.losses, moments.mean, moments.variance, dDense],
    [batchNorm.dScale, batchNorm.dBeta],
    [dKernel, moments.mean],
  ];
  return { graph, feeds, groups };
}
