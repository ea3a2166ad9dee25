// Learning rates and what steps are fed, against values of schedules.py.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { OptimizerSpec, ScheduleSpec } from "../../src/shared/optimizer/optimizer.js";
import { decayFactor, stepRate } from "../../src/shared/optimizer/rates.js";
import { cosineOfTurn, rateAt } from "../../src/shared/optimizer/schedule.js";

interface Case {
  schedule: ScheduleSpec;
  learningRate: number;
  rates: number[];
}

const cases = JSON.parse(
  readFileSync(new URL("schedules.json", import.meta.url), "utf8"),
) as Case[];

describe("rateAt", () => {
  it.each(cases)("gives the rates of $schedule", ({ schedule, learningRate, rates }) => {
    rates.forEach((rate, step) => {
      const relative = rateAt(schedule, learningRate, step) / rate - 1;
      // The smallest rates are differences of large ones.
      expect(Math.abs(relative)).toBeLessThan(1e-11);
    });
  });

  it("stays finite where a schedule has a single step, or is all warm-up", () => {
    for (const kind of ["linear", "cosine", "one-cycle"] as const) {
      for (const warmupSteps of [0, 1]) {
        expect(rateAt({ kind, steps: 1, warmupSteps }, 0.1, 0)).toBeLessThanOrEqual(0.1);
      }
      expect(rateAt({ kind, steps: 5, warmupSteps: 5 }, 0.1, 4)).toBe(0.1);
    }
  });

  it("stays at its last rate after the schedule's last step", () => {
    expect(rateAt({ kind: "linear", steps: 5, warmupSteps: 0 }, 0.1, 7)).toBe(0);
    const cycle = { kind: "one-cycle", steps: 5, warmupSteps: 2 } as const;
    expect(rateAt(cycle, 0.1, 7)).toBe(rateAt(cycle, 0.1, 4));
  });
});

it("computes cosines to 1e-15, and exactly at the ends", () => {
  for (let index = 0; index <= 10_000; index++) {
    const x = index / 10_000;
    expect(Math.abs(cosineOfTurn(x) - Math.cos(Math.PI * x))).toBeLessThan(1e-15);
  }
  expect([0, 0.5, 1].map(cosineOfTurn)).toEqual([1, 0, -1]);
});

describe("what a step is fed", () => {
  const adam: OptimizerSpec = {
    kind: "adam",
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
  };

  it("corrects Adam's rate and no other's", () => {
    expect(stepRate(adam, 1e-4, 1)).toBeCloseTo((1e-4 * Math.sqrt(0.001)) / 0.1, 15);
    expect(stepRate(adam, 1e-4, 100_000)).toBe(1e-4);
    expect(stepRate({ kind: "sgd", weightDecay: 0 }, 0.1, 1)).toBe(0.1);
  });

  it("corrects Adam's rate to 1e-13, at any step", () => {
    // The powers exactly: what is rounded in the 60th digit of a fraction of whole numbers.
    const digits = 10n ** 60n;
    const exactly = (base: number) => (BigInt(base * 2 ** 53) * digits) / 2n ** 53n;
    let [power1, power2] = [digits, digits];
    for (let t = 1; t <= 20_000; t++) {
      power1 = (power1 * exactly(0.9)) / digits;
      power2 = (power2 * exactly(0.999)) / digits;
      const [rest1, rest2] = [power1, power2].map((power) => Number(digits - power) / 1e60);
      const expected = (1e-4 * Math.sqrt(rest2!)) / rest1!;
      expect(Math.abs(stepRate(adam, 1e-4, t) / expected - 1)).toBeLessThan(1e-13);
    }
  });

  it("decays by the rate of the schedule", () => {
    expect(decayFactor(adam, 0.1)).toBe(1 - 0.1 * 0.01);
  });
});
