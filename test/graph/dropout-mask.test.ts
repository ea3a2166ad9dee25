// Dropout masks and their generator.
import { describe, expect, it } from "vitest";
import { dropoutMask } from "../../src/shared/graph/dropout-mask.js";
import { philox } from "../../src/shared/philox.js";

describe("philox", () => {
  // The known answers of philox4x32, 10 rounds, in Random123's tests/kat_vectors.
  it.each([
    {
      counter: [0, 0, 0, 0],
      key: [0, 0],
      answer: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      answer: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      answer: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ])("gives the known answer for $counter", ({ counter, key, answer }) => {
    const block = Uint32Array.from(counter);
    philox(block, key[0]!, key[1]!);
    expect([...block]).toEqual(answer);
  });
});

describe("dropoutMask", () => {
  const options = { seed: 7, step: 3, layer: "dropout", rate: 0.25, firstSample: 0 };

  it("is the same however the batch is cut into shards", () => {
    const whole = dropoutMask({ ...options, count: 10, size: 7 });
    const parts = [
      dropoutMask({ ...options, count: 4, size: 7 }),
      dropoutMask({ ...options, firstSample: 4, count: 6, size: 7 }),
    ];
    expect(parts.flatMap((part) => [...part])).toEqual([...whole]);
  });

  it("differs by seed, step, layer and sample", () => {
    const textOf = (other: Partial<typeof options>) =>
      dropoutMask({ ...options, ...other, count: 1, size: 100 }).join();
    const masks = [
      {},
      { seed: 8 },
      { seed: 7 + 2 ** 40 },
      { step: 4 },
      { layer: "dropout2" },
      { firstSample: 1 },
    ].map(textOf);
    expect(new Set(masks).size).toBe(masks.length);
  });

  it("drops a fraction of the values and scales the others, so that the mean stays", () => {
    const mask = dropoutMask({ ...options, count: 100, size: 1000 });
    const dropped = mask.filter((value) => value === 0).length;
    // Within four standard deviations, √(n·p·(1 − p)) = 137.
    expect(Math.abs(dropped - 25_000)).toBeLessThan(4 * 137);
    expect(mask.every((value) => value === 0 || value === Math.fround(4 / 3))).toBe(true);
  });

  it("drops nothing at rate 0", () => {
    const mask = dropoutMask({ ...options, rate: 0, count: 3, size: 5 });
    expect(mask.every((value) => value === 1)).toBe(true);
  });
});
