// A run's configuration. Together with the number of steps it decides the final checkpoint, and nothing else does. Everything
// else is an option of a command.
import * as z from "zod";
import { augmentationSchema } from "./data/augmentation.js";
import type { SampleShape, TargetSpec } from "./data/samples.js";
import { tableSchema } from "./data/table.js";
import { lossSchema } from "./graph/loss-schema.js";
import { networkSpecSchema } from "./network/schema.js";
import { optimizerSchema, scheduleSchema } from "./optimizer/schema.js";

const count = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

export const MAX_THREADS = 1024;
const MAX_CLASSES = 1_000_000;
const MAX_TARGET_VALUES = 1_000_000;
/** These limits keep the configuration small enough for a message. The length of a name is in UTF-16 code units. */
export const MAX_CLASS_NAMES = 1000;
export const MAX_CLASS_NAME_LENGTH = 100;

const targetSchema: z.ZodType<TargetSpec> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("classes"), count: count.max(MAX_CLASSES) }),
  z.strictObject({ kind: z.literal("values"), count: count.max(MAX_TARGET_VALUES) }),
]);

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const engineSchema = z.discriminatedUnion("name", [
  /** Its bits depend on the number of threads, and on the processor's kind. */
  z.strictObject({ name: z.literal("tensorflow"), threads: count.max(MAX_THREADS) }),
  /** The same bits everywhere, with any number of threads. */
  z.strictObject({ name: z.literal("wasm") }),
]);

/** The engine, and those of its settings that affect the bits of the result. */
export type EngineSpec = z.infer<typeof engineSchema>;

/** Strict. Fields are written in this order, so equal configurations are equal text. */
export const runConfigSchema = z.strictObject({
  network: networkSpecSchema,
  loss: lossSchema,
  optimizer: optimizerSchema,
  learningRate: z.number().positive().max(1e6),
  schedule: scheduleSchema,
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  batchSize: count,
  shards: count,
  /** What a batch-norm layer normalises with in training. Missing: each shard with its own moments (`ghost`). */
  batchNorm: z.literal("sync").optional(),
  /** What inference normalises with. Missing: the moving average (`ema`). */
  population: z.enum(["ema-corrected", "exact"]).optional(),
  /** Missing: training images are not augmented. */
  augmentation: augmentationSchema.optional(),
  engine: engineSchema,
  /** The engine's numerics fingerprint of this run (replica/fingerprint.ts): SHA-256 of its results on a fixed probe. */
  numerics: sha256,
  validationSize: z.number().int().min(0),
  data: z
    .strictObject({
      inputType: z.enum(["uint8", "float32"]),
      target: targetSchema,
      digest: sha256,
      /** In the order of the class numbers, if the data names its classes. For predictions; training does not use them. */
      classNames: z
        .array(z.string().min(1).max(MAX_CLASS_NAME_LENGTH))
        .max(MAX_CLASS_NAMES)
        .optional(),
      /** If the data is a table: how a row becomes an input. For predictions and evaluations of other rows. */
      table: tableSchema.optional(),
    })
    .refine(
      ({ target, classNames }) =>
        classNames === undefined ||
        (target.kind === "classes" && classNames.length === target.count),
      { error: "expected one name per class", path: ["classNames"] },
    ),
  /** SHA-256 of the initial weights, if they were loaded from a file. */
  initialDigest: sha256.optional(),
});

/** A run's configuration, as its checkpoint and the event `start` hold it. */
export type RunConfig = z.infer<typeof runConfigSchema>;

/** The values of `--population`. A configuration without `population` means `ema`. */
export const POPULATIONS = ["ema", "ema-corrected", "exact"] as const;
export type PopulationKind = (typeof POPULATIONS)[number];

/** What workers are sent after a step: the new weights, or what they need to take the step themselves. */
export const BROADCASTS = ["weights", "updates"] as const;
export type BroadcastKind = (typeof BROADCASTS)[number];

/** What the samples of this run look like. */
export function sampleShapeOf({ network, data }: RunConfig): SampleShape {
  const { inputType, target } = data;
  return { inputShape: network.inputShape, inputType, target };
}

/** The configuration as text, with its keys in the schema's order. */
export function configText(config: RunConfig): string {
  return JSON.stringify(runConfigSchema.parse(config));
}
