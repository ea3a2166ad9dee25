// Lowers a node to launches; the ops are in lower-*.ts. Pure.
import type { Op } from "../../graph/graph.js";
import type { Launch, NodeMemory } from "./launch.js";
import {
  lowerBatchNormGradient,
  lowerBatchNormInputGradient,
  lowerBatchNormSums,
  lowerBiasAdd,
  lowerBiasGradient,
  lowerMoments,
  lowerNormalise,
} from "./lower-channels.js";
import {
  lowerConv2d,
  lowerConv2dInputGradient,
  lowerConv2dKernelGradient,
} from "./lower-convolutions.js";
import { lowerConcat, lowerCrop, lowerPad, lowerSlice } from "./lower-copies.js";
import {
  lowerDepthwise,
  lowerDepthwiseInputGradient,
  lowerDepthwiseKernelGradient,
} from "./lower-depthwise.js";
import { lowerLoss, lowerSoftmax } from "./lower-losses.js";
import {
  lowerActivation,
  lowerActivationGradient,
  lowerAdd,
  lowerMultiply,
} from "./lower-pointwise.js";
import {
  lowerAveragePool,
  lowerAveragePoolGradient,
  lowerMaxPool,
  lowerMaxPoolGradient,
} from "./lower-pools.js";
import { lowerMatMul } from "./lower-products.js";
import { lowerClipFactor, lowerEffect, lowerSumOfSquares } from "./lower-steps.js";

/** Ops that need no computation, as their values are in memory already. */
type StoredKind = "placeholder" | "constant" | "variable" | "reshape";
export type LoweredOp = Exclude<Op, { kind: StoredKind }>;

/** @param memory for an effect, its outputs are the variables that it changes (graph/op-variables.ts) */
export function lowerNode(op: LoweredOp, memory: NodeMemory): Launch[] {
  switch (op.kind) {
    case "conv2d":
      return lowerConv2d(op, memory);
    case "conv2d-input-gradient":
      return lowerConv2dInputGradient(op, memory);
    case "conv2d-kernel-gradient":
      return lowerConv2dKernelGradient(op, memory);
    case "mat-mul":
      return lowerMatMul(op, memory);
    case "depthwise-conv2d":
      return lowerDepthwise(op, memory);
    case "depthwise-conv2d-input-gradient":
      return lowerDepthwiseInputGradient(op, memory);
    case "depthwise-conv2d-kernel-gradient":
      return lowerDepthwiseKernelGradient(op, memory);

    case "bias-add":
      return lowerBiasAdd(op, memory);
    case "bias-gradient":
      return lowerBiasGradient(op, memory);
    case "max-pool":
      return lowerMaxPool(op, memory);
    case "max-pool-gradient":
      return lowerMaxPoolGradient(op, memory);
    case "average-pool":
      return lowerAveragePool(op, memory);
    case "average-pool-gradient":
      return lowerAveragePoolGradient(op, memory);

    case "activation":
      return lowerActivation(op, memory);
    case "activation-gradient":
      return lowerActivationGradient(op, memory);
    case "softmax":
      return lowerSoftmax(op, memory);

    case "moments":
      return lowerMoments(op, memory);
    case "normalise":
      return lowerNormalise(op, memory);
    case "batch-norm-gradient":
      return lowerBatchNormGradient(op, memory);
    case "batch-norm-sums":
      return lowerBatchNormSums(op, memory);
    case "batch-norm-input-gradient":
      return lowerBatchNormInputGradient(op, memory);

    case "add":
      return lowerAdd(op, memory);
    case "multiply":
      return lowerMultiply(op, memory);
    case "concat":
      return lowerConcat(op, memory);
    case "slice":
      return lowerSlice(op, memory);
    case "pad":
      return lowerPad(op, memory);
    case "crop":
      return lowerCrop(op, memory);

    case "loss":
      return lowerLoss(op, memory);
    case "sum-of-squares":
      return lowerSumOfSquares(op, memory);
    case "clip-factor":
      return lowerClipFactor(op, memory);

    case "scale-variable":
    case "optimizer-step":
      return lowerEffect(op, memory);
    default:
      return op satisfies never;
  }
}

/** By op: the inputs that its first output may overwrite, as the op reads each value before it writes there. */
const OVERWRITABLE: Partial<Record<Op["kind"], readonly number[]>> = {
  activation: [0],
  "activation-gradient": [0],
  softmax: [0],
  "bias-add": [0],
  normalise: [0],
  "batch-norm-gradient": [0],
  "batch-norm-input-gradient": [0],
  add: [0, 1],
  multiply: [0, 1],
};

export function overwritableInputs({ kind }: LoweredOp): readonly number[] {
  return OVERWRITABLE[kind] ?? [];
}
