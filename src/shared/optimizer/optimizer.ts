// Optimizers and schedules as data, as a run's configuration holds them. Pure.

/** How one step changes a variable θ and its slots (in the order of slots.ts), given the gradient g. */
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
  /** Gradients are multiplied by min(1, clipNorm/norm), where the norm is that of all gradients together; undefined: no clipping. */
  clipNorm?: number | undefined;
};

/** The learning rate over the run. It rises for `warmupSteps` steps; `one-cycle` rises and falls along cosines. */
export type ScheduleSpec =
  | { kind: "constant"; warmupSteps: number }
  | { kind: "linear" | "cosine" | "one-cycle"; steps: number; warmupSteps: number };
