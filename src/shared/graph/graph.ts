// The op graph: what every engine executes. Layers, losses and optimizers are written once as graphs of these ops
// (builder.ts, layers/, loss.ts, optimizer-graph.ts); an engine knows the ops and no layers. Pure.
//
// Tensors are float32 unless stated otherwise, and images are NHWC. The first side of a tensor of samples is −1 in its shape,
// as N is only known when the graph is run. All other sides are fixed when the graph is built.
import type { ActivationKind, Padding, Sides } from "../network/spec.js";
import type { StepRule } from "../optimizer/optimizer.js";

/** `opaque`: data of the engine's own, passed from one node to another. `effect`: no data; it says that something was done. */
export type DataType = "float32" | "int32" | "opaque" | "effect";

/** One output of a node. Compared by identity. */
export interface Value {
  readonly node: Node;
  /** Which of the node's outputs. */
  readonly index: number;
  readonly shape: readonly number[];
  readonly type: DataType;
}

export interface Node {
  /** Unique in the graph. Scopes are separated by slashes. */
  readonly name: string;
  readonly op: Op;
  readonly inputs: readonly Value[];
  /** Effects that must run first. */
  readonly after: readonly Value[];
  readonly outputs: readonly Value[];
}

interface Window {
  /** Of the kernel or the pool. */
  size: Sides;
  strides: Sides;
  padding: Padding;
}

export type LossKind =
  /** Logits [N,C] and int32 labels [N]. */
  | { kind: "softmax-cross-entropy"; labelSmoothing: number }
  /** Logits [N,K] and float32 targets [N,K] from 0 to 1; the mean over K. */
  | { kind: "binary-cross-entropy"; labelSmoothing: number }
  /** Predictions [N,K] and float32 targets [N,K]; the mean over K. */
  | { kind: "mean-squared-error" }
  | { kind: "mean-absolute-error" }
  /** ½d² where |d| ≤ δ, else δ|d| − ½δ² (Huber, 1964). */
  | { kind: "huber"; delta: number };

/**
 * An op: inputs → outputs. dX is the gradient of the loss with respect to X.
 *
 * Effects change variables in place, in full before a run returns; two effects on one variable are ordered by `after`.
 */
export type Op =
  /** Fed in every run that needs it. → value */
  | { kind: "placeholder" }
  /** → value */
  | { kind: "constant"; values: Float32Array | Int32Array }
  /** A tensor that the session keeps between runs. → its current value */
  | { kind: "variable"; variable: string }

  /** x [N,H,W,C], kernel [h,w,C,F] → [N,H′,W′,F] */
  | ({ kind: "conv2d" } & Window)
  /** kernel, dY → dX; `inputShape` is that of one sample */
  | ({ kind: "conv2d-input-gradient"; inputShape: readonly number[] } & Window)
  /** x, dY → dKernel */
  | ({ kind: "conv2d-kernel-gradient" } & Window)
  /** x [N,H,W,C], kernel [h,w,C,M] → [N,H′,W′,C·M]; output channel c·M + m */
  | ({ kind: "depthwise-conv2d" } & Window)
  /** kernel, dY → dX */
  | ({ kind: "depthwise-conv2d-input-gradient"; inputShape: readonly number[] } & Window)
  /** x, dY → dKernel */
  | ({ kind: "depthwise-conv2d-kernel-gradient" } & Window)

  /** a, b → product; each may be transposed */
  | { kind: "mat-mul"; transposeA: boolean; transposeB: boolean }
  /** x […,C], bias [C] → x + bias */
  | { kind: "bias-add" }
  /** dY […,C] → Σ dY over all axes but the last, [C] */
  | { kind: "bias-gradient" }

  /** x → y, and opaque notes on where the largest values were */
  | ({ kind: "max-pool" } & Window)
  /** x, y, notes, dY → dX: dY goes to the first largest value of each window */
  | ({ kind: "max-pool-gradient" } & Window)
  /** x → the mean of the values of each window that lie inside the image */
  | ({ kind: "average-pool" } & Window)
  /** dY → dX; `inputShape` is that of one sample */
  | ({ kind: "average-pool-gradient"; inputShape: readonly number[] } & Window)

  /** x → y */
  | { kind: "activation"; activation: ActivationKind; alpha: number }
  /** dY, x, y → dX */
  | { kind: "activation-gradient"; activation: ActivationKind; alpha: number }
  /** x […,C] → softmax over the last axis */
  | { kind: "softmax" }

  /** x […,C] → mean [C], biased variance [C] of each channel's values, as if computed in float64 */
  | { kind: "moments" }
  /** x, mean, variance, scale, beta → (x − mean)/√(variance + ε) · scale + beta */
  | { kind: "normalise"; epsilon: number }
  /** dY, x, mean, variance, scale → dX, dScale, dBeta, where the moments were those of x */
  | { kind: "batch-norm-gradient"; epsilon: number }
  /**
   * dY, x, mean, variance → Σ dY, Σ dY·x̂ of each channel, x̂ = (x − mean)/√(variance + ε): what the shards exchange in the
   * backward pass of synchronised batch normalisation
   */
  | { kind: "batch-norm-sums"; epsilon: number }
  /**
   * dY, x, mean, variance, scale, mean of dY, mean of dY·x̂ → dX = scale/√(variance + ε) · (dY − mean dY − x̂ · mean(dY·x̂)),
   * the means over all values that the moments were taken of
   */
  | { kind: "batch-norm-input-gradient"; epsilon: number }

  /** a, b of one shape → a + b */
  | { kind: "add" }
  /** a, b of one shape, or b [] → a · b */
  | { kind: "multiply" }
  /** any number of tensors → concatenated along the axis, which is counted from 0 among the axes of one sample */
  | { kind: "concat"; axis: number }
  /** x → `size` values from `from` on along the axis of one sample */
  | { kind: "slice"; axis: number; from: number; size: number }
  /** x → [N, …shape] */
  | { kind: "reshape"; shape: readonly number[] }
  /** x [N,H,W,C] → x with a border of zeros */
  | { kind: "pad"; top: number; bottom: number; left: number; right: number }
  /** x [N,H,W,C] → x without these rows and columns at its sides */
  | { kind: "crop"; top: number; bottom: number; left: number; right: number }

  /** predictions, targets → loss of each sample [N], and its gradient with respect to the predictions */
  | { kind: "loss"; loss: LossKind }
  /** any tensor → Σ x², [] */
  | { kind: "sum-of-squares" }
  /** any number of squares [] → min(1, limit/√Σ): the factor that clips the gradients' norm */
  | { kind: "clip-factor"; limit: number }

  /** factor [] → effect: θ ← factor · θ */
  | { kind: "scale-variable"; variable: string }
  /** gradient, rate [] → effect: the rule's step on the variable and its slots */
  | { kind: "optimizer-step"; variable: string; slots: readonly string[]; rule: StepRule };

/** One execution of a part of the graph: the values that are fed, and those that are fetched. */
export interface GraphRun {
  readonly feeds: readonly Value[];
  readonly fetches: readonly Value[];
}

/** Nodes in the order in which they were added; each after its inputs. */
export interface Graph {
  readonly nodes: readonly Node[];
}
