// Activations of the float64 reference and their derivatives.
import type { ActivationKind } from "../../../src/shared/network/spec.js";

export function activate(kind: ActivationKind, alpha: number, x: number): number {
  switch (kind) {
    case "relu":
      return Math.max(x, 0);
    case "relu6":
      return Math.min(Math.max(x, 0), 6);
    case "leaky-relu":
      return x > 0 ? x : alpha * x;
    case "elu":
      return x > 0 ? x : alpha * Math.expm1(x);
    case "gelu":
      return x * normalDistribution(x);
    case "gelu-tanh":
      return 0.5 * x * (1 + Math.tanh(geluArgument(x)));
    case "silu":
      return x * sigmoid(x);
    case "sigmoid":
      return sigmoid(x);
    case "tanh":
      return Math.tanh(x);
    default:
      return kind satisfies never;
  }
}

/** dy/dx. Where there is none, that of the side below: 0 for relu. */
export function activationDerivative(kind: ActivationKind, alpha: number, x: number): number {
  switch (kind) {
    case "relu":
      return x > 0 ? 1 : 0;
    case "relu6":
      return x > 0 && x < 6 ? 1 : 0;
    case "leaky-relu":
      return x > 0 ? 1 : alpha;
    case "elu":
      return x > 0 ? 1 : alpha * Math.exp(x);
    case "gelu":
      return normalDistribution(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
    case "gelu-tanh": {
      const t = Math.tanh(geluArgument(x));
      const slope = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope;
    }
    case "silu":
      return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    case "sigmoid":
      return sigmoid(x) * (1 - sigmoid(x));
    case "tanh":
      return 1 - Math.tanh(x) ** 2;
    default:
      return kind satisfies never;
  }
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Hendrycks and Gimpel, "Gaussian error linear units", 2016. */
function geluArgument(x: number): number {
  return Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
}

/** Φ(x) = ½ erfc(−x/√2) */
function normalDistribution(x: number): number {
  const tail = complementaryError(Math.abs(x) / Math.SQRT2) / 2;
  return x < 0 ? tail : 1 - tail;
}

/**
 * erfc for x ≥ 0. Below 3 from erf(x) = 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹/(2n + 1)!! (Abramowitz and Stegun 7.1.6), above by the
 * continued fraction 7.1.14.
 */
function complementaryError(x: number): number {
  const factor = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 3) {
    let [term, sum] = [x, x];
    for (let n = 1; term > 1e-18 * sum; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - 2 * factor * sum;
  }
  let fraction = x;
  for (let n = 100; n >= 1; n--) fraction = x + n / 2 / fraction;
  return factor / fraction;
}
