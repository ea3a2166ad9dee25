// Biases and batch normalisation as launches (assembly/channels.ts, assembly/channel-sums.ts). Pure.
import { sizeOf } from "../../network/network.js";
import type { Launch, Lowering, NodeMemory, Operand } from "./launch.js";
import { pointersOf } from "./lower-pointwise.js";

/**
 * Values per block of rows; one part sums the channels of a block. 32 KiB, so that a block stays in a core's cache while its
 * channels are read in groups of four. The order of the sums, and so their last bits, depends on it.
 */
const BLOCK_VALUES = 8192;
/** Values per part of a kernel that computes no sums. */
const PART_VALUES = 4096;
const DOUBLE_BYTES = 8;
const FLOAT_BYTES = 4;

/** A tensor as rows of channels. */
interface Rows {
  rows: number;
  channels: number;
}

function rowsOf({ shape }: Operand): Rows {
  const channels = shape.at(-1)!;
  return { rows: sizeOf(shape) / channels, channels };
}

/** A launch that processes rows independently. */
function launchRows(kernel: string, args: readonly number[], { rows, channels }: Rows): Launch {
  const partRows = Math.max(1, Math.floor(PART_VALUES / channels));
  return { kernel, parts: Math.ceil(rows / partRows), args: [...args, rows, channels, partRows] };
}

/** A launch that sums rows in blocks, and a pointer to the blocks' sums. */
function launchSums(
  kernel: string,
  args: readonly number[],
  { rows, channels }: Rows,
  sums: 1 | 2,
  reserve: NodeMemory["reserve"],
): { launch: Launch; partial: number; blocks: number } {
  const blockRows = Math.max(1, Math.floor(BLOCK_VALUES / channels));
  const blocks = Math.ceil(rows / blockRows);
  const stride = Math.ceil(channels / 4) * 4;
  const partial = reserve(blocks * sums * stride * DOUBLE_BYTES);
  const allArgs = [partial, ...args, rows, channels, blockRows];
  return { launch: { kernel, parts: blocks, args: allArgs }, partial, blocks };
}

export const lowerBiasAdd: Lowering<"bias-add"> = (_op, { inputs: [x, bias], outputs: [y] }) => [
  launchRows("addBias", pointersOf([y!, x!, bias!]), rowsOf(x!)),
];

export const lowerBiasGradient: Lowering<"bias-gradient"> = (
  _op,
  { inputs: [dy], outputs: [out], reserve },
) => {
  const { channels } = rowsOf(dy!);
  const sums = launchSums("addChannels", [dy!.pointer], rowsOf(dy!), 1, reserve);
  const args = [out!.pointer, sums.partial, sums.blocks, channels];
  return [sums.launch, { kernel: "finishSums", parts: channels, args }];
};

export const lowerMoments: Lowering<"moments"> = (
  _op,
  { inputs: [x], outputs: [mean, variance], reserve },
) => {
  const { rows, channels } = rowsOf(x!);
  const sums = launchSums("addChannelMoments", [x!.pointer], rowsOf(x!), 2, reserve);
  const pointers = [mean!.pointer, variance!.pointer, sums.partial, x!.pointer];
  const args = [...pointers, rows, sums.blocks, channels];
  return [sums.launch, { kernel: "finishMoments", parts: channels, args }];
};

export const lowerNormalise: Lowering<"normalise"> = (
  { epsilon },
  { inputs: [x, mean, variance, scale, beta], outputs: [y], reserve },
) => {
  const { channels } = rowsOf(x!);
  const factor = reserve(channels * FLOAT_BYTES);
  const factorArgs = [factor, variance!.pointer, scale!.pointer, epsilon];
  const args = [y!.pointer, x!.pointer, mean!.pointer, factor, beta!.pointer];
  return [
    { kernel: "normalisationFactors", parts: channels, args: factorArgs },
    launchRows("normalise", args, rowsOf(x!)),
  ];
};

export const lowerBatchNormSums: Lowering<"batch-norm-sums"> = (op, memory) => {
  const [dy, x, mean, variance] = memory.inputs;
  const [sumDy, sumDyNormalised] = memory.outputs;
  const inputs = { dy: dy!, x: x!, mean: mean!, variance: variance! };
  return lowerGradientSums(inputs, [sumDy!, sumDyNormalised!], op.epsilon, memory.reserve);
};

export const lowerBatchNormGradient: Lowering<"batch-norm-gradient"> = (
  { epsilon },
  { inputs: [dy, x, mean, variance, scale], outputs: [dx, dScale, dBeta], reserve },
) => {
  const inputs = { dy: dy!, x: x!, mean: mean!, variance: variance! };
  // The gradients of beta and scale are the sums Σ dY and Σ dY·x̂.
  const sums = [dBeta!, dScale!] as const;
  const { rows } = rowsOf(x!);
  return [
    ...lowerGradientSums(inputs, sums, epsilon, reserve),
    ...lowerInputGradient({ ...inputs, scale: scale! }, sums, rows, epsilon, dx!, reserve),
  ];
};

export const lowerBatchNormInputGradient: Lowering<"batch-norm-input-gradient"> = (
  { epsilon },
  { inputs: [dy, x, mean, variance, scale, meanDy, meanDyX], outputs: [dx], reserve },
) => {
  const inputs = { dy: dy!, x: x!, mean: mean!, variance: variance!, scale: scale! };
  return lowerInputGradient(inputs, [meanDy!, meanDyX!], 1, epsilon, dx!, reserve);
};

interface GradientInputs {
  dy: Operand;
  x: Operand;
  mean: Operand;
  variance: Operand;
}

/** Σ dY, Σ dY·x̂ */
function lowerGradientSums(
  { dy, x, mean, variance }: GradientInputs,
  sums: readonly [Operand, Operand],
  epsilon: number,
  reserve: NodeMemory["reserve"],
): Launch[] {
  const { channels } = rowsOf(x);
  const pointers = pointersOf([dy, x, mean]);
  const partial = launchSums("addChannelGradients", pointers, rowsOf(x), 2, reserve);
  const args = [...pointersOf(sums), partial.partial, variance.pointer];
  return [
    partial.launch,
    {
      kernel: "finishGradients",
      parts: channels,
      args: [...args, partial.blocks, channels, epsilon],
    },
  ];
}

/** dX from Σ dY and Σ dY·x̂ over `count` values */
function lowerInputGradient(
  { dy, x, mean, variance, scale }: GradientInputs & { scale: Operand },
  sums: readonly [Operand, Operand],
  count: number,
  epsilon: number,
  dx: Operand,
  reserve: NodeMemory["reserve"],
): Launch[] {
  const { channels } = rowsOf(x);
  const [factor, meanDy, slope] = [0, 1, 2].map(() => reserve(channels * FLOAT_BYTES)) as [
    number,
    number,
    number,
  ];
  const factors = [factor, meanDy, slope];
  const factorArgs = [...factors, ...pointersOf([variance, scale, ...sums]), count, epsilon];
  const args = [...pointersOf([dx, dy, x, mean]), ...factors];
  return [
    { kernel: "gradientFactors", parts: channels, args: factorArgs },
    launchRows("normalisationGradient", args, rowsOf(x)),
  ];
}
