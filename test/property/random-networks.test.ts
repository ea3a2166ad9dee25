// Random networks of every layer kind: whatever a network is, a run on the coordinator's own replica and runs of two workers
// that are sent weights or updates end in the same bits.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemorySet, type DataSource } from "../../src/shared/data/samples.js";
import type { EngineSpec } from "../../src/shared/config.js";
import { Random } from "../../src/shared/random.js";
import { configOf } from "../support/config.js";
import { hasTensorFlow } from "../support/engines.js";
import { CLASS_COUNT, randomNetworks } from "../support/random-networks.js";
import { runInMemory } from "../support/run-in-memory.js";

const SAMPLE_COUNT = 24;
const AUGMENTATION = { shift: 1, flip: true, rotate: 20, scale: 0.1, cutout: 2 } as const;

function randomData(inputShape: readonly number[]): DataSource {
  const random = new Random(1, "inputs");
  const size = inputShape.reduce((product, each) => product * each, 1);
  const set = new MemorySet({
    count: SAMPLE_COUNT,
    inputs: Uint8Array.from({ length: SAMPLE_COUNT * size }, () => random.below(256)),
    targets: Int32Array.from({ length: SAMPLE_COUNT }, () => random.below(CLASS_COUNT)),
  });
  return {
    ...{ inputShape, inputType: "uint8", target: { kind: "classes", count: CLASS_COUNT } },
    ...{ training: set, validation: set, test: set, digest: "0".repeat(64) },
  };
}

const ENGINES: readonly EngineSpec[] = [
  { name: "wasm" },
  ...(hasTensorFlow ? [{ name: "tensorflow", threads: 1 } as const] : []),
];

test.each(ENGINES)(
  "a random network trains to the same bits, whoever computes it and whatever is sent: $name",
  async (engine) => {
    const settings = fc.record({
      shards: fc.integer({ min: 1, max: 4 }),
      batchSize: fc.integer({ min: 4, max: 9 }),
      clipNorm: fc.constantFrom(undefined, 0.1),
      weightDecay: fc.constantFrom(0, 0.01),
      isAugmented: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        randomNetworks,
        settings,
        async (network, { clipNorm, weightDecay, isAugmented, ...sizes }) => {
          const isOfImages = network.inputShape.length === 3;
          const config = configOf({
            network,
            classCount: CLASS_COUNT,
            engine,
            optimizer: { kind: "momentum", momentum: 0.9, weightDecay, clipNorm },
            ...(isAugmented && isOfImages ? { augmentation: AUGMENTATION } : {}),
            ...sizes,
          });
          const data = randomData(network.inputShape);
          const single = await runInMemory(config, data, 2, 0);
          const losses = single.events.flatMap((event) =>
            event.event === "step" ? [event.loss] : [],
          );
          expect(losses.length).toBe(2);
          expect(losses.every(Number.isFinite)).toBe(true);
          for (const broadcast of ["weights", "updates"] as const) {
            const shared = await runInMemory(config, data, 2, 2, broadcast);
            expect(shared.state.equals(single.state)).toBe(true);
          }
        },
      ),
      { numRuns: 30 },
    );
  },
  240_000,
);
