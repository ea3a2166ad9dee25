// The strict schema of losses: configurations, checkpoints and peers are checked with it. Pure.
import * as z from "zod";
import type { LossKind } from "./graph.js";

const labelSmoothing = z
  .number()
  .min(0)
  .lt(1)
  .transform((value) => value + 0);
/** Within these limits, δ and δ² are normal float32 numbers. */
const delta = z.number().min(1e-18).max(1e18);

export const lossSchema: z.ZodType<LossKind> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("softmax-cross-entropy"), labelSmoothing }),
  z.strictObject({ kind: z.literal("binary-cross-entropy"), labelSmoothing }),
  z.strictObject({ kind: z.literal("mean-squared-error") }),
  z.strictObject({ kind: z.literal("mean-absolute-error") }),
  z.strictObject({ kind: z.literal("huber"), delta }),
]);
