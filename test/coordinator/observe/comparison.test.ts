// What the page that compares runs computes: what differs, how certain a number is, groups of seeds, the cells of a sweep.
import { describe, expect, test } from "vitest";
import { forComparison } from "../../../src/coordinator/observe/dashboard/comparison.js";
import {
  readComparedRun,
  stepsToAccuracy,
} from "../../../src/coordinator/observe/dashboard/page/compare/compared-run.js";
import {
  entriesOf,
  hasRepetitions,
  isAtChance,
  metricInterval,
} from "../../../src/coordinator/observe/dashboard/page/compare/entry.js";
import {
  entrySeries,
  smoothOver,
  valueAt,
} from "../../../src/coordinator/observe/dashboard/page/compare/entry-series.js";
import {
  spreadOf,
  wilsonInterval,
} from "../../../src/coordinator/observe/dashboard/page/compare/interval.js";
import {
  compareSettings,
  settingText,
} from "../../../src/coordinator/observe/dashboard/page/compare/settings-difference.js";
import {
  chooseAxes,
  sweepGrids,
  sweepSettings,
  tintOf,
  tintThresholds,
} from "../../../src/coordinator/observe/dashboard/page/compare/sweep.js";
import {
  logTicksBetween,
  ticksBetween,
} from "../../../src/coordinator/observe/dashboard/page/ticks.js";
import { smooth } from "../../../src/coordinator/observe/dashboard/page/series.js";
import type { PageUpdate } from "../../../src/coordinator/observe/dashboard/page-update.js";
import { runSettings } from "../../../src/coordinator/observe/dashboard/run-settings.js";
import { type PresetName, presetNetwork } from "../../../src/shared/network/presets.js";
import type { NetworkSpec } from "../../../src/shared/network/spec.js";
import { type CurveOptions, finishedRun, withoutEngine } from "../../support/compared-runs.js";
import { configOf } from "../../support/config.js";

const read = (...options: CurveOptions[]) =>
  options.map((each, index) => readComparedRun(each.name, index, finishedRun(each).updates));

/** The preset with another σ for initial kernels. */
function scaled(name: PresetName, standardDeviation: number): NetworkSpec {
  const { inputShape, layers } = presetNetwork(name, [8, 10, 1], 4);
  return {
    inputShape,
    layers: layers.map((node) => {
      const { layer } = node;
      if (!("kernelInitializer" in layer)) return node;
      const kernelInitializer = { kind: "truncated-normal", mean: 0, standardDeviation } as const;
      return { ...node, layer: { ...layer, kernelInitializer } };
    }),
  };
}

describe("intervals", () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, 1998, table I, method 3.
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("Wilson's of %i of %i", (count, total, low, high) => {
    const interval = wilsonInterval(count / total, total);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
    const rest = wilsonInterval(1 - count / total, total);
    expect(rest.low).toBeCloseTo(1 - high, 4);
    expect(rest.high).toBeLessThanOrEqual(1);
  });

  test("spread: the sample's standard deviation, none of one value", () => {
    expect(spreadOf([])).toBeUndefined();
    expect(spreadOf([3])).toEqual({ mean: 3, deviation: undefined, min: 3, max: 3, count: 1 });
    expect(spreadOf([1, 2, 3, 6])).toEqual({
      mean: 3,
      deviation: Math.sqrt(14 / 3),
      min: 1,
      max: 6,
      count: 4,
    });
  });

  test("chance: an accuracy whose interval reaches down to the most frequent class's share", () => {
    const [lucky, learnt] = read({ name: "a", accuracy: 0.52 }, { name: "b", accuracy: 0.6 });
    expect(isAtChance(lucky!)).toBe(true);
    expect(isAtChance(learnt!)).toBe(false);
  });
});

describe("a run's settings", () => {
  test("a preset with other initial values is that preset, with its σ", () => {
    const settings = runSettings(configOf({ network: scaled("cnn-plain", 0.03) }));
    expect(settings).toMatchObject({
      network: "cnn-plain",
      "batch norm": "none",
      "initial scale": 0.03,
      "learning rate": 1e-3,
      "clip norm": "none",
      beta1: 0.9,
    });
    expect(settings["layers"]).toBeUndefined();
    const sync = runSettings(configOf({ batchNorm: "sync" }));
    expect(sync).toMatchObject({ network: "cnn", "batch norm": "sync", "initial scale": 0.1 });
  });

  test("two networks of as many layers differ, whatever their initial values", () => {
    const withUnits = (units: number, deviation: number) => {
      const spec = scaled("cnn", deviation);
      const layers = spec.layers.map((node) =>
        node.name === "fc1" ? { ...node, layer: { ...node.layer, units } } : node,
      ) as NetworkSpec["layers"];
      return runSettings(configOf({ network: { ...spec, layers } }));
    };
    const [one, same, other] = [withUnits(64, 0.1), withUnits(64, 0.5), withUnits(65, 0.1)];
    expect(one["network"]).toMatch(/^network of \d+ layers$/);
    expect(other["network"]).toBe(one["network"]);
    expect(same["layers"]).toBe(one["layers"]);
    expect(other["layers"]).not.toBe(one["layers"]);
  });
});

describe("what differs", () => {
  test("values that differ, and settings that some runs do not have", () => {
    const runs = read(
      { name: "a", config: { learningRate: 1e-2 } },
      { name: "b", config: { optimizer: { kind: "sgd", weightDecay: 0 } } },
    );
    const { differing, equal } = compareSettings(runs);
    expect(differing).toEqual(["optimizer", "beta1", "beta2", "epsilon", "learning rate"]);
    expect(equal).toContain("batch size");
    expect(equal).toContain("steps");
  });

  test("the numerics tell only of runs that are equal in everything else", () => {
    const of = (digit: string, learningRate = 1e-3, seed = 0) => ({
      name: digit,
      config: { numerics: digit.repeat(64), learningRate, seed },
    });
    expect(compareSettings(read(of("a"), of("b", 1e-2))).differing).toEqual(["learning rate"]);
    expect(compareSettings(read(of("a"), of("b", 1e-3, 1))).differing).toEqual([
      "seed",
      "numerics",
    ]);
  });

  test("numbers as people write them", () => {
    expect([3e-4, 0.01, 10_000, 0, "adam", undefined].map(settingText)).toEqual([
      "3e-4",
      "0.01",
      "10,000",
      "0",
      "adam",
      "–",
    ]);
  });

  test("a log of an earlier version has what its description says, and nothing undefined", () => {
    const { updates } = withoutEngine(finishedRun({ name: "old" }));
    const run = readComparedRun("old", 0, updates);
    expect(run.settings).toMatchObject({ network: "cnn", "learning rate": 1e-3, seed: 0 });
    expect("engine" in run.settings).toBe(false);
    expect(Object.values(run.settings)).not.toContain(undefined);
    expect(run.final).toBe(0.9);
  });
});

describe("runs that differ in the seed alone", () => {
  const of = (name: string, seed: number, learningRate: number, accuracy: number): CurveOptions => {
    return { name, accuracy, config: { seed, learningRate } };
  };
  const runs = read(
    of("slow-seed-1", 1, 1e-3, 0.8),
    of("fast-1", 1, 1e-2, 0.9),
    of("slow-seed-2", 2, 1e-3, 0.84),
    of("alone", 1, 1e-1, 0.5),
  );

  test("are one entry, under the name that they share", () => {
    expect(hasRepetitions(runs)).toBe(true);
    const entries = entriesOf(runs, true);
    expect(entries.map(({ letter, name }) => [letter, name])).toEqual([
      ["A", "slow"],
      ["B", "fast-1"],
      ["C", "alone"],
    ]);
    expect(entries[0]?.runs.map(({ name }) => name)).toEqual(["slow-seed-1", "slow-seed-2"]);
    expect(metricInterval(entries[0]!)).toEqual({ low: 0.8, high: 0.84 });
    expect(metricInterval(entries[1]!)).toEqual(wilsonInterval(0.9, 1000));
    expect(entriesOf(runs, false)).toHaveLength(4);
    expect(hasRepetitions(runs.slice(0, 2))).toBe(false);
  });

  test("have a curve of their mean, with the lowest and the highest", () => {
    const [entry] = entriesOf(runs, true);
    const curve = entrySeries(entry!, ({ evaluations }) => evaluations);
    expect(curve.steps).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(curve.means.at(-1)).toBeCloseTo(0.82);
    expect(curve.lows?.at(-1)).toBeCloseTo(0.8);
    expect(curve.highs?.at(-1)).toBeCloseTo(0.84);
  });

  test("letters go on after Z", () => {
    const many = read(...Array.from({ length: 28 }, (_, index) => ({ name: `run ${index}` })));
    const letters = entriesOf(many, false).map(({ letter }) => letter);
    expect(letters.slice(24)).toEqual(["Y", "Z", "AA", "AB"]);
  });
});

describe("sweeps", () => {
  const runs = [0.01, 0.1, 1].flatMap((deviation) =>
    [1e-3, 1e-2].flatMap((learningRate) =>
      (["cnn", "cnn-plain"] as const).flatMap((network) =>
        [1, 2].map((seed): CurveOptions => {
          const name = `${network} ${learningRate} ${deviation} ${seed}`;
          const accuracy = network === "cnn" ? 0.9 + 0.01 * seed : 0.5;
          return {
            name,
            accuracy,
            config: { network: scaled(network, deviation), learningRate, seed },
          };
        }),
      ),
    ),
  );
  const compared = read(...runs);

  test("by the numbers with the most values, one grid per network; settings that depend on the network are not axes", () => {
    expect(sweepSettings(compared)).toEqual(["network", "initial scale", "learning rate"]);
    expect(chooseAxes(compared)).toEqual({
      columns: "initial scale",
      rows: "learning rate",
      grids: "network",
    });
  });

  test("cells are means over what they hold; where there is no run there is no cell", () => {
    const axes = { columns: "learning rate", rows: "initial scale", grids: "network" };
    const grids = sweepGrids(compared.slice(1), axes);
    expect(grids.map(({ value }) => value)).toEqual(["cnn", "cnn-plain"]);
    const [cnn, plain] = grids;
    expect(cnn?.columns).toEqual([1e-3, 1e-2]);
    expect(cnn?.rows).toEqual([0.01, 0.1, 1]);
    expect(cnn?.cells[0]?.[0]?.runs).toHaveLength(1);
    expect(cnn?.cells[0]?.[0]?.value).toBeCloseTo(0.92);
    expect(cnn?.cells[2]?.[1]?.value).toBeCloseTo(0.915);
    expect(plain?.cells[1]?.[1]?.isAtChance).toBe(true);
    expect(cnn?.cells[1]?.[1]?.isAtChance).toBe(false);
    const withHole = compared.filter(
      ({ settings }) => settings["learning rate"] !== 1e-2 || settings["initial scale"] !== 1,
    );
    expect(sweepGrids(withHole, { ...axes, grids: "" })[0]?.cells[2]?.[1]).toBeUndefined();
  });

  test("tints change at multiples of the best error, or of the best loss", () => {
    expect(tintThresholds([0.2, 0.99], "accuracy")).toEqual([0.985, 0.975, 0.95]);
    expect(
      [0.99, 0.98, 0.96, 0.9].map((value) => tintOf(value, [0.985, 0.975, 0.95], "accuracy")),
    ).toEqual([0, 1, 2, 3]);
    expect(tintThresholds([2, 0.4], "loss")).toEqual([0.6, 1, 2]);
    expect([0.4, 0.8, 3].map((value) => tintOf(value, [0.6, 1, 2], "loss"))).toEqual([0, 1, 3]);
    expect(tintThresholds([], "loss")).toEqual([]);
  });
});

describe("numbers of one run", () => {
  test("steps to an accuracy, seconds and samples per second", () => {
    const [run] = read({ name: "a", accuracy: 0.9, msPerStep: 20 });
    expect(stepsToAccuracy(run!, 0.5)).toBe(60);
    expect(stepsToAccuracy(run!, 0.95)).toBeUndefined();
    expect(run?.seconds.values.at(-1)).toBeCloseTo(2);
    expect(run?.meanRate).toBeCloseTo(500);
    expect(run?.workerCount).toBeUndefined();
  });

  test("a long log is averaged, and its times stay what they were", () => {
    const long = finishedRun({ name: "long", steps: 100_000 });
    const short = forComparison(long);
    const steps = short.updates.find((update) => update.kind === "steps");
    expect(steps?.steps.length).toBeLessThanOrEqual(2_000);
    expect(steps?.steps.at(-1)).toBe(99_999);
    const [run, whole] = [short, long].map(({ updates }) => readComparedRun("long", 0, updates));
    expect(run?.seconds.values.at(-1)).toBeCloseTo(whole!.seconds.values.at(-1)!, 6);
    expect(run?.meanRate).toBeCloseTo(whole!.meanRate!, 6);
    expect(run?.final).toBe(0.9);
  });

  test("a loss that is not a number leaves a gap", () => {
    const updates = finishedRun({ name: "a" }).updates.map((update): PageUpdate => {
      if (update.kind !== "steps") return update;
      const losses = update.losses.map((loss, step) => (step >= 50 ? NaN : loss));
      return JSON.parse(JSON.stringify({ ...update, losses })) as PageUpdate;
    });
    const run = readComparedRun("a", 0, forComparison({ name: "a", updates }).updates);
    expect(run.loss.steps.at(-1)).toBe(49);
    expect(run.finalLoss).toBeCloseTo(
      Array.from({ length: 50 }, (_, step) => 2 / (1 + step)).reduce((a, b) => a + b) / 50,
    );
  });
});

describe("curves", () => {
  test("smoothing over steps is the page's smoothing where each value is one step", () => {
    const series = { steps: [0, 1, 2, 3], values: [4, 1, 3, 2] };
    const expected = smooth(series, 0.9).values;
    smoothOver(series, 10).values.forEach((value, index) =>
      expect(value).toBeCloseTo(expected[index]!, 12),
    );
    expect(smoothOver(series, 1).values).toEqual(series.values);
  });

  test("the value under the cursor is the last one before it", () => {
    expect([-1, 0, 5, 10, 99].map((step) => valueAt([0, 10], [1, 2], step))).toEqual([
      undefined,
      1,
      1,
      2,
      2,
    ]);
  });

  test("ticks are round, of a narrow logarithmic axis too", () => {
    expect(ticksBetween(0, 10_000, 5)).toEqual([0, 2000, 4000, 6000, 8000, 10_000]);
    expect(ticksBetween(0.983, 0.994, 3)).toEqual([0.985, 0.99]);
    expect(logTicksBetween(0.008, 3)).toEqual([0.01, 0.03, 0.1, 0.3, 1, 3]);
    expect(logTicksBetween(1.2, 2.4).length).toBeGreaterThan(1);
    expect(ticksBetween(1, 1, 3)).toEqual([]);
  });
});
