// Optimizers and schedules as data: what a run's configuration holds. Pure.

export type OptimizerSpec = {
  /** Decoupled (Loshchilov and Hutter, 2019): θ ← θ · (1 − rate · weightDecay) before the step; kernels only. */
  weightDecay: number;
  /** Gradients are multiplied by min(1, clipNorm/norm), the norm taken over all of them together; undefined: not at all. */
  clipNorm?: number | undefined;
} & (
  | { kind: "sgd" }
  /** a ← momentum · a + g; θ ← θ − rate · a */
  | { kind: "momentum"; momentum: number }
  /** TensorFlow's form: rate_t = rate · √(1 − β₂ᵗ)/(1 − β₁ᵗ); θ ← θ − rate_t · m/(√v + ε) */
  | { kind: "adam"; beta1: number; beta2: number; epsilon: number }
  | { kind: "rmsprop"; rho: number; epsilon: number }
);

/** The rate over the run. `warmup`: the fraction of the steps in which it rises; one-cycle rises and falls by cosines. */
export type ScheduleSpec =
  | { kind: "constant"; warmupSteps: number }
  | { kind: "linear" | "cosine" | "one-cycle"; steps: number; warmupSteps: number };
