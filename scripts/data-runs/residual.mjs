// A small residual network for small images: 16, 32 and 64 filters, 11 convolutions besides the shortcuts (He et al., "Deep
// residual learning for image recognition", 2016, section 4.2).
import {
  batchNorm,
  conv,
  dense,
  globalAveragePool,
  initializers,
  network,
  relu,
  residual,
} from "../../dist/index.js";

/** @param {[number, number, number]} inputShape @param {number} classCount */
export function residualNetwork(inputShape, classCount) {
  return network(inputShape, [
    ...convolution(16, 3, 1),
    relu(),
    ...block(16, 1, false),
    ...block(32, 2, true),
    ...block(32, 1, false),
    ...block(64, 2, true),
    ...block(64, 1, false),
    globalAveragePool(),
    dense(classCount),
  ]);
}

/** @param {number} filters @param {number} size @param {number} strides */
function convolution(filters, size, strides) {
  const kernelInitializer = initializers.heNormal();
  return [
    conv(filters, size, { strides, useBias: false, kernelInitializer }),
    batchNorm({ momentum: 0.9 }),
  ];
}

/** @param {number} filters @param {number} strides @param {boolean} changesShape */
function block(filters, strides, changesShape) {
  const path = [...convolution(filters, 3, strides), relu(), ...convolution(filters, 3, 1)];
  return [residual(path, changesShape ? convolution(filters, 1, strides) : []), relu()];
}
