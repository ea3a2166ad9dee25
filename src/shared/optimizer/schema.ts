// The strict schemas of optimizers and schedules: configurations, checkpoints and peers are checked with them. Parsing writes
// the keys in the order below, so equal optimizers are equal text. Pure.
import * as z from "zod";
import type { OptimizerSpec, ScheduleSpec } from "./optimizer.js";

/** With a larger decay, a single step would replace the weights. */
const MAX_WEIGHT_DECAY = 1e6;
/** Outside of these limits, clipping has no effect in float32, or sets all gradients to 0. */
const MIN_CLIP_NORM = 1e-18;
const MAX_CLIP_NORM = 1e18;
/** Smaller values vanish beside √v in float32, and a gradient of 0 would give 0/0. */
const MIN_EPSILON = 1e-30;
const MAX_STEPS = Number.MAX_SAFE_INTEGER;

/** From 0 to below 1. −0 becomes 0, as JSON does not distinguish them. */
const fraction = z
  .number()
  .min(0)
  .lt(1)
  .transform((value) => value + 0);
const epsilon = z.number().min(MIN_EPSILON).max(1);
const common = {
  weightDecay: z
    .number()
    .min(0)
    .max(MAX_WEIGHT_DECAY)
    .transform((value) => value + 0),
  clipNorm: z.number().min(MIN_CLIP_NORM).max(MAX_CLIP_NORM).optional(),
};

export const optimizerSchema: z.ZodType<OptimizerSpec> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("sgd"), ...common }),
  z.strictObject({ kind: z.literal("momentum"), momentum: fraction, ...common }),
  z.strictObject({
    kind: z.literal("adam"),
    beta1: fraction,
    beta2: fraction,
    epsilon,
    ...common,
  }),
  z.strictObject({ kind: z.literal("rmsprop"), rho: fraction, epsilon, ...common }),
]);

const warmupSteps = z.number().int().min(0).max(MAX_STEPS);
const steps = z.number().int().min(1).max(MAX_STEPS);

export const scheduleSchema: z.ZodType<ScheduleSpec> = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("constant"), warmupSteps }),
    z.strictObject({ kind: z.enum(["linear", "cosine", "one-cycle"]), steps, warmupSteps }),
  ])
  .refine((schedule) => !("steps" in schedule) || schedule.warmupSteps <= schedule.steps, {
    error: "warm-up takes more steps than the schedule has",
    path: ["warmupSteps"],
  });
