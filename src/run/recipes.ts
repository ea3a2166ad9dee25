// Recipes: named sets of options. A run's configuration holds the options and not the recipe's name, so changing a recipe does not
// change existing checkpoints.
import type { TargetSpec } from "../shared/data/samples.js";
import { TandemError } from "../shared/errors.js";
import type { RunEvent } from "../shared/run-event.js";
import { takesLabelSmoothing } from "./losses.js";
import { takesNumber } from "./optimizers.js";
import type { RunChoices } from "./run-choices.js";

/** The names of the recipes. */
export const RECIPE_NAMES = ["fast"] as const;
/** The name of a recipe. */
export type RecipeName = (typeof RECIPE_NAMES)[number];

/** A recipe's options: choices of the configuration, and the number of steps. */
type Recipe = Omit<RunChoices, "network" | "engine" | "threads" | "seed"> & { steps: number };

const RECIPES: Record<RecipeName, Recipe> = {
  // Chosen on the validation set of MNIST for the preset cnn: docs/lab-notebook.md, "The recipe". One cycle: Smith and Topin,
  // "Super-convergence", 2018. A moving average of the statistics lags behind after so few steps.
  fast: {
    steps: 200,
    batchSize: 128,
    optimizer: "adamw",
    learningRate: 0.02,
    beta1: 0.7,
    beta2: 0.9,
    schedule: "one-cycle",
    warmup: 0.2,
    labelSmoothing: 0.1,
    population: "exact",
  },
};

/** The options that the user gave in addition to the recipe. */
export interface GivenOptions {
  choices: RunChoices;
  steps?: number | undefined;
}

/** The resulting options, and the report about them. */
export interface AppliedRecipe {
  choices: RunChoices;
  steps: number;
  report: Omit<RunEvent & { event: "recipe" }, "event">;
}

/**
 * Adds the recipe's options to the user's, which take precedence. If the user chose another optimizer or loss, recipe options that
 * do not apply to it are ignored.
 */
export function applyRecipe(name: RecipeName, { choices, steps }: GivenOptions): AppliedRecipe {
  const given: Partial<Recipe> = { ...choices, ...(steps === undefined ? {} : { steps }) };
  const { steps: ownSteps, ...ownChoices } = RECIPES[name];
  const applies = (option: string) =>
    given[option as keyof Recipe] === undefined && belongs(option, choices);
  const applied = pick(ownChoices, applies);
  const appliedSteps = steps === undefined ? { steps: ownSteps } : {};
  return {
    choices: { ...choices, ...applied },
    steps: steps ?? ownSteps,
    report: {
      name,
      options: { ...appliedSteps, ...applied },
      overridden: pick(given, (option) => option in RECIPES[name]),
    },
  };
}

function pick(
  values: object,
  isPicked: (name: string) => boolean,
): Record<string, string | number> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => isPicked(name)));
}

/** @throws TandemError `usage` if the recipe does not support such targets */
export function checkRecipe(name: RecipeName | undefined, target: TargetSpec): void {
  if (name === undefined || target.kind === "classes") return;
  throw new TandemError(
    "usage",
    `--recipe ${name} is for classes, but the data's targets are values. Give the options that you need one by one.`,
  );
}

function belongs(option: string, { optimizer, loss }: RunChoices): boolean {
  if (option === "labelSmoothing") return loss === undefined || takesLabelSmoothing(loss);
  return optimizer === undefined || takesNumber(optimizer, option);
}
