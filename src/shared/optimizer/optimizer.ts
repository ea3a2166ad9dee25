// Optimizers and schedules as data: what a run's configuration holds. Pure.

/** How one step changes a variable θ and its slots (slots.ts, in that order) by the gradient g. */
export type StepRule =
  /** θ ← θ − rate · g */
  | { kind: "sgd" }
  /** a ← momentum · a + g; θ ← θ − rate · a */
  | { kind: "momentum"; momentum: number }
  /**
   * m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); θ ← θ − rate_t · m/(√v + ε). TensorFlow's form:
   * rate_t = rate · √(1 − β₂ᵗ)/(1 − β₁ᵗ) (rates.ts)
   */
  | { kind: "adam"; beta1: number; beta2: number; epsilon: number }
  /** s ← s + (g² − s)(1 − ρ); θ ← θ − rate · g/√(s + ε) (tf.compat.v1.train.RMSPropOptimizer) */
  | { kind: "rmsprop"; rho: number; epsilon: number };

export type OptimizerSpec = StepRule & {
  /** Decoupled (Loshchilov and Hutter, 2019): θ ← θ · (1 − rate · weightDecay) before the step; kernels only. */
  weightDecay: number;
  /** Gradients are multiplied by min(1, clipNorm/norm), the norm taken over all of them together; undefined: not at all. */
  clipNorm?: number | undefined;
};

/** The rate over the run. `warmup`: the fraction of the steps in which it rises; one-cycle rises and falls by cosines. */
export type ScheduleSpec =
  | { kind: "constant"; warmupSteps: number }
  | { kind: "linear" | "cosine" | "one-cycle"; steps: number; warmupSteps: number };
