// Schemas of optimizers, schedules and losses.
import { expect, it } from "vitest";
import { lossSchema } from "../../src/shared/graph/loss-schema.js";
import { optimizerSchema, scheduleSchema } from "../../src/shared/optimizer/schema.js";

it("writes equal optimizers as equal text", () => {
  const adam = { beta2: 0.9, weightDecay: -0, kind: "adam", epsilon: 1e-8, beta1: 0.5 };
  expect(JSON.stringify(optimizerSchema.parse(adam))).toBe(
    '{"kind":"adam","beta1":0.5,"beta2":0.9,"epsilon":1e-8,"weightDecay":0}',
  );
});

it("refuses what is out of bounds, unknown or missing", () => {
  const sgd = { kind: "sgd", weightDecay: 0 };
  expect(optimizerSchema.safeParse(sgd).success).toBe(true);
  const optimizers = [
    { ...sgd, weightDecay: -1 },
    { ...sgd, weightDecay: NaN },
    { ...sgd, clipNorm: 0 },
    { ...sgd, clipNorm: Infinity },
    { ...sgd, momentum: 0.9 },
    { ...sgd, kind: "momentum", momentum: 1 },
    { ...sgd, kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 0 },
    { ...sgd, kind: "lamb" },
    { kind: "sgd" },
  ];
  for (const each of optimizers) expect(optimizerSchema.safeParse(each).success).toBe(false);
  const schedules = [
    { kind: "constant", warmupSteps: 0.5 },
    { kind: "constant", warmupSteps: 0, steps: 5 },
    { kind: "cosine", warmupSteps: 6, steps: 5 },
    { kind: "linear", warmupSteps: 0, steps: 0 },
    { kind: "linear", warmupSteps: 0 },
  ];
  for (const each of schedules) expect(scheduleSchema.safeParse(each).success).toBe(false);
  const losses = [
    { kind: "softmax-cross-entropy", labelSmoothing: 1 },
    { kind: "softmax-cross-entropy" },
    { kind: "huber", delta: 0 },
    { kind: "mean-squared-error", labelSmoothing: 0 },
  ];
  for (const each of losses) expect(lossSchema.safeParse(each).success).toBe(false);
});

it("takes every kind", () => {
  const common = { weightDecay: 0.1, clipNorm: 1 };
  const optimizers = [
    { kind: "sgd", ...common },
    { kind: "momentum", momentum: 0.9, ...common },
    { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, ...common },
    { kind: "rmsprop", rho: 0.9, epsilon: 1e-7, ...common },
  ];
  for (const each of optimizers) expect(optimizerSchema.parse(each)).toEqual(each);
  const schedules = [
    { kind: "constant", warmupSteps: 3 },
    ...["linear", "cosine", "one-cycle"].map((kind) => ({ kind, steps: 5, warmupSteps: 5 })),
  ];
  for (const each of schedules) expect(scheduleSchema.parse(each)).toEqual(each);
  const losses = [
    { kind: "softmax-cross-entropy", labelSmoothing: 0.1 },
    { kind: "binary-cross-entropy", labelSmoothing: 0 },
    { kind: "mean-squared-error" },
    { kind: "mean-absolute-error" },
    { kind: "huber", delta: 1 },
  ];
  for (const each of losses) expect(lossSchema.parse(each)).toEqual(each);
});
