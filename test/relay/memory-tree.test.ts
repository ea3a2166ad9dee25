// Complete runs with relays, in memory: the bits are those of a star, for any tree, and whichever node dies after any message.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classesConfig, inThreeBuckets, valuesConfig } from "../../scripts/faults/small-config.mjs";
import { type DataSource, MemorySet } from "../../src/shared/data/samples.js";
import type { BroadcastKind, RunConfig } from "../../src/shared/config.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { Random } from "../../src/shared/random.js";
import { numericsFingerprint } from "../../src/shared/replica/fingerprint.js";
import { withEmptySlots } from "../../src/shared/replica/initial-state.js";
import { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { MemoryTree } from "../support/memory-tree.js";

const STEPS = 3;
const SAMPLES = 40;

function dataFor({ data: { inputType, target, digest }, network }: RunConfig): DataSource {
  const { inputShape } = network;
  const random = new Random(1, "inputs");
  const bytes = Uint8Array.from({ length: 4 * SAMPLES }, () => random.below(256));
  const isOfClasses = target.kind === "classes";
  const set = new MemorySet({
    count: SAMPLES,
    inputs: inputType === "uint8" ? bytes : Float32Array.from(bytes, (value) => value / 256),
    targets: isOfClasses
      ? Int32Array.from({ length: SAMPLES }, () => random.below(target.count))
      : Float32Array.from({ length: SAMPLES * target.count }, () => random.below(100) / 100),
  });
  const sets = { training: set, validation: set, test: set };
  return { inputShape, inputType, target, digest, ...sets };
}

function runOf(base: RunConfig, shards: number) {
  const settings: RunConfig = {
    ...base,
    ...{ engine: { name: "wasm" }, shards, batchSize: 2 * shards, learningRate: 1e-2 },
  };
  const engine = () => openEngine(settings.engine);
  const numerics = numericsFingerprint(inThreeBuckets(layoutOfRun(settings)), engine());
  const config = { ...settings, numerics };
  const data = dataFor(config);
  const tree = (kind: BroadcastKind, minWorkers: number) => {
    const layout = inThreeBuckets(layoutOfRun(config));
    const replica = new TrainingReplica(layout, engine());
    replica.load(withEmptySlots(layout, initialTensors(layout.network, config.seed)), 0);
    return new MemoryTree(replica, kind, minWorkers, inThreeBuckets);
  };
  /** @returns the final state of a star with one worker */
  const calm = async () => {
    const star = tree("weights", 1);
    star.worker("w");
    return star.train(data, STEPS, 2);
  };
  return { tree, calm, data };
}

describe.each([
  ["ghost", classesConfig, "weights"],
  ["ghost", classesConfig, "updates"],
  ["sync", valuesConfig, "weights"],
  ["sync", valuesConfig, "updates"],
] as const)("with %s batch normalisation", (_name, base, kind) => {
  test(`--broadcast ${kind}: any tree ends in the bits of the star, without protocol errors`, async () => {
    for (const shards of [1, 5, 8]) {
      const { tree, calm, data } = runOf(base, shards);
      const expected = await calm();
      const run = tree(kind, 6);
      run.relay("upper");
      run.relay("lower", ["upper"]);
      run.relay("beside");
      run.worker("a", ["lower"]);
      run.worker("b", ["lower"]);
      run.worker("c", ["upper"]);
      run.worker("d", ["beside"]);
      run.worker("e", ["beside"]);
      run.worker("f");
      expect((await run.train(data, STEPS, 2)).equals(expected)).toBe(true);
      expect(run.rejections).toEqual([]);
    }
  });

  test(`--broadcast ${kind}: whichever node dies after any message, the bits are the same`, async () => {
    const { tree, calm, data } = runOf(base, 6);
    const expected = await calm();
    const victims = fc.constantFrom("upper", "lower", "a", "c", "d");
    await fc.assert(
      fc.asyncProperty(victims, fc.integer({ min: 1, max: 120 }), async (victim, messages) => {
        const run = tree(kind, 1);
        const leftOf = (name: string) => (name === victim ? messages : Infinity);
        run.relay("upper", [], leftOf("upper"));
        run.relay("lower", ["upper"], leftOf("lower"));
        run.worker("a", ["lower", "upper"], leftOf("a"));
        run.worker("b", ["lower", "upper"]);
        run.worker("c", ["upper"], leftOf("c"));
        run.worker("d", [], leftOf("d"));
        expect((await run.train(data, STEPS, 2)).equals(expected)).toBe(true);
        expect(run.rejections).toEqual([]);
      }),
      { numRuns: 12 },
    );
  });
});
