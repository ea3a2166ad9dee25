// The strict schemas of optimizers and schedules: they come from configurations, checkpoints and peers. Parsing writes the
// keys in the order below, so equal optimizers are equal text. Pure.
import * as z from "zod";
import type { OptimizerSpec, ScheduleSpec } from "./optimizer.js";

/** Beyond this a step would replace the weights at once. */
const MAX_WEIGHT_DECAY = 1e6;
/** A limit of the norm outside of these does nothing, or leaves nothing, in float32. */
const MIN_CLIP_NORM = 1e-18;
const MAX_CLIP_NORM = 1e18;
/** Smaller ones are 0 beside √v in float32, and a gradient of 0 would then give 0/0. */
const MIN_EPSILON = 1e-30;
const MAX_STEPS = Number.MAX_SAFE_INTEGER;

/** A fraction of what was before; −0 becomes 0, which JSON cannot tell from it. */
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
