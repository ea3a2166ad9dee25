// The options of `--recipe`, and how other options override them.
import { expect, test } from "vitest";
import { applyRecipe, checkRecipe } from "../../src/run/recipes.js";
import { TandemError } from "../../src/shared/errors.js";

test("without other options, a recipe gives its own options", () => {
  const { choices, steps, report } = applyRecipe("fast", { choices: {} });
  expect(steps).toBe(200);
  expect(choices).toMatchObject({ batchSize: 128, optimizer: "adamw", schedule: "one-cycle" });
  expect(choices).not.toHaveProperty("steps");
  expect(report).toEqual({ name: "fast", options: { steps, ...choices }, overridden: {} });
});

test("options override single ones of the recipe, and other choices are kept", () => {
  const given = { network: "sigmoid", seed: 7, batchSize: 64, learningRate: 0.03 } as const;
  const { choices, steps, report } = applyRecipe("fast", { choices: given, steps: 2148 });
  expect(steps).toBe(2148);
  expect(choices).toMatchObject({ ...given, optimizer: "adamw", beta1: 0.7 });
  expect(report.overridden).toEqual({ steps: 2148, batchSize: 64, learningRate: 0.03 });
  for (const option of ["steps", "batchSize", "learningRate", "seed", "network"]) {
    expect(report.options).not.toHaveProperty(option);
  }
});

test("with another optimizer, hyperparameters that it has are kept, others are left out", () => {
  const adam = applyRecipe("fast", { choices: { optimizer: "adam" } });
  expect(adam.choices).toMatchObject({ optimizer: "adam", beta1: 0.7, beta2: 0.9 });
  const sgd = applyRecipe("fast", { choices: { optimizer: "sgd" } });
  for (const number of ["beta1", "beta2"]) expect(sgd.choices).not.toHaveProperty(number);
  expect(sgd.choices).toMatchObject({ optimizer: "sgd", schedule: "one-cycle" });
  expect(Object.keys(sgd.report.options)).not.toContain("beta1");
});

test("label smoothing is left out if another loss has none", () => {
  const huber = applyRecipe("fast", { choices: { loss: "huber" } });
  expect(huber.choices).not.toHaveProperty("labelSmoothing");
  const binary = applyRecipe("fast", { choices: { loss: "binary-cross-entropy" } });
  expect(binary.choices).toHaveProperty("labelSmoothing");
});

test("values as targets are refused, in a sentence that names the recipe", () => {
  const refused = () => checkRecipe("fast", { kind: "values", count: 1 });
  expect(refused).toThrow(TandemError);
  expect(refused).toThrow(/--recipe fast is for classes/);
  expect(() => checkRecipe("fast", { kind: "classes", count: 10 })).not.toThrow();
  expect(() => checkRecipe(undefined, { kind: "values", count: 1 })).not.toThrow();
});
