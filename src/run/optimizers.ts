// The optimizer options: by name, with hyperparameters and their defaults.
import { TandemError } from "../shared/errors.js";
import type { OptimizerSpec } from "../shared/optimizer/optimizer.js";
import type { LearningRate, ScheduleChoice } from "./schedules.js";
import { chooseSchedule } from "./schedules.js";

export const OPTIMIZER_NAMES = ["sgd", "momentum", "adam", "adamw", "rmsprop"] as const;
export type OptimizerName = (typeof OPTIMIZER_NAMES)[number];

/** The default, as in the reference run. */
export const DEFAULT_LEARNING_RATE = 1e-4;
const DEFAULT_OPTIMIZER = "adam";
const DEFAULTS = {
  momentum: 0.9,
  beta1: 0.9,
  beta2: 0.999,
  rho: 0.9,
  epsilon: 1e-8,
} as const;
/** As in PyTorch's AdamW (Loshchilov and Hutter, 2019). */
const ADAMW_WEIGHT_DECAY = 0.01;

type Numbers = keyof typeof DEFAULTS;

const NUMBERS_OF: Record<OptimizerName, readonly Numbers[]> = {
  sgd: [],
  momentum: ["momentum"],
  adam: ["beta1", "beta2", "epsilon"],
  adamw: ["beta1", "beta2", "epsilon"],
  rmsprop: ["rho", "epsilon"],
};

/** An optimizer and its learning rate: what `sgd`, `momentum`, `adam`, `adamw` and `rmsprop` return. */
export interface OptimizerChoice extends ScheduleChoice {
  /** Default: adam */
  optimizer?: OptimizerName;
  momentum?: number;
  beta1?: number;
  beta2?: number;
  rho?: number;
  epsilon?: number;
  weightDecay?: number;
  clipNorm?: number;
}

/** Options of all optimizers. */
export interface OptimizerOptions {
  /** A number, or a schedule such as `oneCycle(0.01)`. Default: 1e-4 */
  learningRate?: LearningRate;
  /** Decoupled; of kernels only. Default: 0, and 0.01 for adamw */
  weightDecay?: number;
  /** A limit on the norm of all gradients together. Default: none */
  clipNorm?: number;
}

/** What `momentum` takes. */
export interface MomentumOptions extends OptimizerOptions {
  /** Default: 0.9 */
  momentum?: number;
}

/** What `adam` and `adamw` take. */
export interface AdamOptions extends OptimizerOptions {
  /** Decay of the first moment. Default: 0.9 */
  beta1?: number;
  /** Decay of the second moment. Default: 0.999 */
  beta2?: number;
  /** Added to √v. Default: 1e-8 */
  epsilon?: number;
}

/** What `rmsprop` takes. */
export interface RmspropOptions extends OptimizerOptions {
  /** Decay of the mean square. Default: 0.9 */
  rho?: number;
  /** Added to the mean square, inside the root. Default: 1e-8 */
  epsilon?: number;
}

/** Stochastic gradient descent: θ ← θ − rate · g. */
export function sgd(options: OptimizerOptions = {}): OptimizerChoice {
  return toChoice("sgd", options);
}

/** Gradient descent with momentum: a ← momentum · a + g; θ ← θ − rate · a. */
export function momentum(options: MomentumOptions = {}): OptimizerChoice {
  return toChoice("momentum", options);
}

/** Adam in TensorFlow's form (Kingma and Ba, 2015, end of section 2). */
export function adam(options: AdamOptions = {}): OptimizerChoice {
  return toChoice("adam", options);
}

/** Adam with decoupled weight decay (Loshchilov and Hutter, 2019). */
export function adamw(options: AdamOptions = {}): OptimizerChoice {
  return toChoice("adamw", options);
}

/** RMSProp without momentum: s ← s + (g² − s)(1 − ρ); θ ← θ − rate · g/√(s + ε). */
export function rmsprop(options: RmspropOptions = {}): OptimizerChoice {
  return toChoice("rmsprop", options);
}

function toChoice(
  optimizer: OptimizerName,
  { learningRate, ...numbers }: OptimizerOptions,
): OptimizerChoice {
  return { ...numbers, optimizer, ...chooseSchedule(learningRate) };
}

/** False if the option is a hyperparameter of other optimizers only. */
export function takesNumber(name: OptimizerName, option: string): boolean {
  return !(option in DEFAULTS) || NUMBERS_OF[name].some((number) => number === option);
}

/** @throws TandemError `usage` if a hyperparameter does not apply to the optimizer */
export function resolveOptimizer(choice: OptimizerChoice): OptimizerSpec {
  const name = choice.optimizer ?? DEFAULT_OPTIMIZER;
  const own = NUMBERS_OF[name];
  for (const number of Object.keys(DEFAULTS) as Numbers[]) {
    if (choice[number] === undefined || own.includes(number)) continue;
    throw new TandemError(
      "usage",
      `--${number} is not an option of the optimizer ${name}. Omit it, or give another --optimizer.`,
    );
  }
  const number = (key: Numbers) => choice[key] ?? DEFAULTS[key];
  const weightDecay = choice.weightDecay ?? (name === "adamw" ? ADAMW_WEIGHT_DECAY : 0);
  const { clipNorm } = choice;
  const common = { weightDecay, ...(clipNorm === undefined ? {} : { clipNorm }) };
  switch (name) {
    case "sgd":
      return { ...common, kind: "sgd" };
    case "momentum":
      return { ...common, kind: "momentum", momentum: number("momentum") };
    case "adam":
    case "adamw": {
      const [beta1, beta2, epsilon] = [number("beta1"), number("beta2"), number("epsilon")];
      return { ...common, kind: "adam", beta1, beta2, epsilon };
    }
    case "rmsprop":
      return { ...common, kind: "rmsprop", rho: number("rho"), epsilon: number("epsilon") };
  }
}
