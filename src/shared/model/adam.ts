// Adam as TensorFlow defines it (tf.compat.v1.train.AdamOptimizer; Kingma and Ba, "Adam", 2015, the form before section 2.1):
// lr_t = lr·√(1−β₂ᵗ)/(1−β₁ᵗ), θ ← θ − lr_t·m/(√v + ε).

export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** The rate of the update number `t`, counted from 1. */
export function adamRate(learningRate: number, t: number): number {
  const correction1 = 1 - wholePower(ADAM.beta1, t);
  const correction2 = 1 - wholePower(ADAM.beta2, t);
  return (learningRate * Math.sqrt(correction2)) / correction1;
}

/** base^exponent by squaring: Math.pow may differ between engines in the last bit, multiplication may not. */
function wholePower(base: number, exponent: number): number {
  let result = 1;
  for (let power = base, left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= power;
    power *= power;
  }
  return result;
}
