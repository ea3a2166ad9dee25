// Each loss and its gradient against losses.json, which losses.py worked out in float64 with code of its own.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Engine } from "../../src/shared/engine/engine.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { GraphBuilder } from "../../src/shared/graph/builder.js";
import type { LossKind } from "../../src/shared/graph/graph.js";
import { defaultSpec } from "../support/engines.js";
import { referenceEngine } from "../support/reference-engine.js";

interface LossCase {
  loss: LossKind;
  predictions: number[][];
  targets: number[] | number[][];
  losses: number[];
  gradient: number[][];
}

const cases = JSON.parse(
  readFileSync(new URL("losses.json", import.meta.url), "utf8"),
) as LossCase[];

let engine: Engine;

beforeAll(() => {
  engine = openEngine(defaultSpec);
});

function computeLoss(
  engine: Pick<Engine, "open">,
  { loss, predictions, targets }: LossCase,
): { losses: Float32Array; gradient: Float32Array } {
  const builder = new GraphBuilder();
  const width = predictions[0]!.length;
  const isClass = loss.kind === "softmax-cross-entropy";
  const predictionsValue = builder.placeholder("predictions", [-1, width]);
  const targetsValue = isClass
    ? builder.placeholder("targets", [-1], "int32")
    : builder.placeholder("targets", [-1, width]);
  const values = builder.loss(predictionsValue, targetsValue, loss);
  const session = engine.open(builder);
  try {
    return session.scope((scope) => {
      const rows = predictions.length;
      const fedTargets = isClass
        ? scope.tensor([rows], Int32Array.from(targets.flat()))
        : scope.tensor([rows, width], Float32Array.from(targets.flat()));
      const [losses, gradient] = scope.run(
        [
          [predictionsValue, scope.tensor([rows, width], Float32Array.from(predictions.flat()))],
          [targetsValue, fedTargets],
        ],
        [values.losses, values.gradient],
      );
      return { losses: scope.floats(losses!), gradient: scope.floats(gradient!) };
    });
  } finally {
    session.dispose();
  }
}

function expectEach(name: string, found: Float32Array, expected: readonly number[]): void {
  expect(found.length, name).toBe(expected.length);
  expected.forEach((value, index) => {
    const difference = Math.abs(found[index]! - value);
    expect(difference, `${name}[${index}]`).toBeLessThanOrEqual(1e-6 + 2e-6 * Math.abs(value));
  });
}

describe.each(cases)("$loss", (lossCase) => {
  test.each([defaultSpec.name, "reference"])("on %s", (name) => {
    const subject = name === "reference" ? referenceEngine : engine;
    const { losses, gradient } = computeLoss(subject, lossCase);
    expectEach("loss", losses, lossCase.losses);
    expectEach("gradient", gradient, lossCase.gradient.flat());
  });
});
