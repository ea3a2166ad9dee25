// The strict schema of a network's description, which may come from a configuration, a checkpoint or a peer: all lengths and
// numbers are bounded (limits.ts), and unknown keys are refused. Parsing writes the keys in the order below, so equal networks
// are equal text. Pure.
import * as z from "zod";
import * as limits from "./limits.js";
import { findNameProblem } from "./names.js";
import { refuseLayer, refuseNetwork } from "./problem.js";
import type { ActivationKind, LayerNode, LayerSpec, NetworkSpec } from "./spec.js";

const wholeNumber = (min: number, max: number) => z.number().int().min(min).max(max);
/** −0 becomes 0, as JSON has no −0 and equal descriptions must give equal bits. */
const realNumber = (min: number, max: number) =>
  z
    .number()
    .min(min)
    .max(max)
    .transform((value) => value + 0);

const side = wholeNumber(1, limits.MAX_SIDE);
const sides = z.tuple([side, side]);
const border = wholeNumber(0, limits.MAX_SIDE);
const units = wholeNumber(1, limits.MAX_UNITS);
const shape = z.array(wholeNumber(1, limits.MAX_SAMPLE_VALUES)).min(1).max(limits.MAX_RANK);
const padding = z.enum(["same", "valid"]);

const initial = realNumber(-limits.MAX_INITIAL_MAGNITUDE, limits.MAX_INITIAL_MAGNITUDE);
const standardDeviation = realNumber(0, limits.MAX_INITIAL_MAGNITUDE);

export const initializerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), value: initial }),
  z.strictObject({ kind: z.literal("truncated-normal"), mean: initial, standardDeviation }),
  z.strictObject({ kind: z.literal("normal"), mean: initial, standardDeviation }),
  z
    .strictObject({ kind: z.literal("uniform"), min: initial, max: initial })
    .refine(({ min, max }) => min <= max, { error: "min is larger than max" }),
  z.strictObject({
    kind: z.literal("variance-scaling"),
    scale: realNumber(0, limits.MAX_INITIAL_MAGNITUDE),
    mode: z.enum(["fan-in", "fan-out", "fan-average"]),
    distribution: z.enum(["truncated-normal", "normal", "uniform"]),
  }),
]);

const weights = {
  useBias: z.boolean(),
  kernelInitializer: initializerSchema,
  biasInitializer: initializerSchema,
};
const pool = { poolSize: sides, strides: sides, padding };

const ACTIVATIONS = [
  "relu",
  "relu6",
  "leaky-relu",
  "elu",
  "gelu",
  "gelu-tanh",
  "silu",
  "sigmoid",
  "tanh",
] as const satisfies ActivationKind[];
const WITH_ALPHA: readonly ActivationKind[] = ["leaky-relu", "elu"];

export const layerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("conv2d"),
    filters: units,
    kernelSize: sides,
    strides: sides,
    padding,
    ...weights,
  }),
  z.strictObject({
    kind: z.literal("depthwise-conv2d"),
    kernelSize: sides,
    strides: sides,
    padding,
    depthMultiplier: units,
    ...weights,
  }),
  z.strictObject({ kind: z.literal("dense"), units, ...weights }),
  z.strictObject({
    kind: z.literal("batch-norm"),
    epsilon: realNumber(limits.MIN_EPSILON, 1),
    momentum: realNumber(0, 1),
    scale: z.boolean(),
    center: z.boolean(),
    scaleInitializer: initializerSchema,
    betaInitializer: initializerSchema,
  }),
  z
    .strictObject({
      kind: z.literal("activation"),
      activation: z.enum(ACTIVATIONS),
      alpha: realNumber(0, limits.MAX_ALPHA),
    })
    .refine(({ activation, alpha }) => alpha === 0 || WITH_ALPHA.includes(activation), {
      error: "alpha is for leaky-relu and elu; it must be 0 for the others",
    }),
  z.strictObject({ kind: z.literal("softmax") }),
  z.strictObject({ kind: z.literal("max-pool"), ...pool }),
  z.strictObject({ kind: z.literal("average-pool"), ...pool }),
  z.strictObject({ kind: z.literal("global-average-pool"), keepDimensions: z.boolean() }),
  z.strictObject({ kind: z.literal("global-max-pool"), keepDimensions: z.boolean() }),
  z.strictObject({ kind: z.literal("flatten") }),
  z.strictObject({ kind: z.literal("reshape"), shape }),
  z.strictObject({
    kind: z.literal("zero-padding"),
    top: border,
    bottom: border,
    left: border,
    right: border,
  }),
  z.strictObject({ kind: z.literal("dropout"), rate: z.number().min(0).lt(1) }),
  z.strictObject({ kind: z.literal("add") }),
  z.strictObject({ kind: z.literal("concatenate"), axis: wholeNumber(0, limits.MAX_RANK - 1) }),
]);

// Fails to compile if a kind of layer or activation is missing from the schema.
true satisfies LayerSpec["kind"] extends z.infer<typeof layerSchema>["kind"] ? true : never;
true satisfies ActivationKind extends (typeof ACTIVATIONS)[number] ? true : never;

const layerName = z.string().superRefine((name, context) => {
  const problem = findNameProblem(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

const nodeSchema = z.strictObject({
  name: layerName,
  inputs: z.array(z.string().min(1).max(limits.MAX_NAME_LENGTH)).min(1).max(limits.MAX_INPUTS),
  trainable: z.boolean(),
  layer: layerSchema,
});

export const networkSpecSchema: z.ZodType<NetworkSpec> = z.strictObject({
  inputShape: shape,
  layers: z.array(nodeSchema).min(1).max(limits.MAX_LAYERS),
});

/**
 * @returns a new object, with its keys in the schema's order
 * @throws TandemError `network`, naming the invalid layer and option
 */
export function parseNetworkSpec(spec: unknown): NetworkSpec {
  const result = networkSpecSchema.safeParse(spec);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const [first, position, ...rest] = path;
  if (first !== "layers" || typeof position !== "number") {
    refuseNetwork(`${path.join(".") || "description"}: ${message}.`);
  }
  const { layers } = spec as { layers: unknown[] };
  refuseNode(layers[position], `number ${position + 1}`, rest, message);
}

/** As `parseNetworkSpec`, for one layer. */
export function parseLayerNode(node: unknown): LayerNode {
  const result = nodeSchema.safeParse(node);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  return refuseNode(node, "without a name", path, message);
}

/** As `parseNetworkSpec`, for the shape of the network's input. */
export function parseInputShape(inputShape: unknown): readonly number[] {
  const result = shape.safeParse(inputShape);
  if (result.success) return result.data;
  return refuseNetwork(`input shape: ${result.error.issues[0]!.message}.`);
}

/** @param substitute used if the layer has no name */
function refuseNode(
  node: unknown,
  substitute: string,
  path: readonly PropertyKey[],
  message: string,
): never {
  const name = typeof node === "object" && node !== null && "name" in node ? node.name : "";
  const option = path.filter((part) => part !== "layer").join(".");
  refuseLayer(
    typeof name === "string" && name !== "" ? name : substitute,
    option === "name" ? `${message}.` : `${option || "layer"}: ${message}.`,
  );
}

/** Equal networks give equal text. */
export function networkText(spec: NetworkSpec): string {
  return JSON.stringify(parseNetworkSpec(spec));
}
