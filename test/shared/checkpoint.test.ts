import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { writeAtomically } from "../../src/shared/checkpoint/atomic-write.js";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  readCheckpoint,
} from "../../src/shared/checkpoint/checkpoint.js";
import { memorySource } from "../../src/shared/checkpoint/byte-source.js";
import {
  encodeSafetensors,
  readHeader,
  readTensors,
  verifyTensors,
} from "../../src/shared/checkpoint/safetensors.js";
import type { StepRange } from "../../src/shared/checkpoint/step-ranges.js";
import { TandemError } from "../../src/shared/errors.js";
import { firstNonFinite } from "../../src/shared/replica/finite.js";
import type { NamedTensor } from "../../src/shared/replica/tensors.js";
import { checkpointOf } from "../support/checkpoints.js";
import { temporaryFolder } from "../support/data.js";

const { config, tensors } = checkpointOf(7);
const file = Buffer.concat(encodeCheckpoint({ config, step: 7, tensors }));

/** Names, shapes and values in a form that is faster to compare than arrays of a hundred thousand numbers. */
function bytesOf(all: readonly NamedTensor[]): Buffer {
  const text = JSON.stringify(all.map(({ name, shape }) => [name, shape]));
  return Buffer.concat([
    Buffer.from(text),
    ...all.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
  ]);
}

function codeOf(bytes: Buffer): string {
  try {
    decodeCheckpoint("f", bytes);
  } catch (error) {
    if (error instanceof TandemError && error.exitCode === 2) return error.code;
    throw error;
  }
  return "read";
}

describe("a checkpoint", () => {
  test("comes back as it was, and the same state is the same bytes", () => {
    const read = decodeCheckpoint("f", file);
    expect(read.config).toEqual(config);
    expect(read.step).toBe(7);
    expect(bytesOf(read.tensors).equals(bytesOf(tensors))).toBe(true);
    expect(Buffer.concat(encodeCheckpoint(read)).equals(file)).toBe(true);
  });

  test("altered by any one bit is refused", () => {
    fc.assert(
      fc.property(fc.nat({ max: 8 * file.length - 1 }), (bit) => {
        const altered = Buffer.from(file);
        altered[bit >> 3]! ^= 1 << (bit & 7);
        expect(codeOf(altered)).toMatch(/^checkpoint-/);
      }),
      { numRuns: 150 },
    );
    // A changed bit could go unnoticed in the header: tests each of its first bytes.
    for (let bit = 0; bit < 8 * 400; bit++) {
      const altered = Buffer.from(file);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(codeOf(altered), `bit ${bit}`).toMatch(/^checkpoint-/);
    }
  });

  test("cut anywhere, or longer than it says, is refused as damaged", () => {
    fc.assert(
      fc.property(fc.nat({ max: file.length - 1 }), (length) => {
        expect(codeOf(file.subarray(0, length))).toBe("checkpoint-damaged");
      }),
      { numRuns: 50 },
    );
    expect(codeOf(Buffer.concat([file, Buffer.alloc(1)]))).toBe("checkpoint-damaged");
    expect(codeOf(Buffer.alloc(0))).toBe("checkpoint-damaged");
    expect(codeOf(Buffer.from("this is not a checkpoint at all"))).toBe("checkpoint-damaged");
  });

  test("of another format, or whose tensors are not those of its network, is refused as such", () => {
    const other = (metadata: Record<string, string>, all = tensors) =>
      codeOf(Buffer.concat(encodeSafetensors(metadata, all)));
    const own = { format: "tandem/3", step: "7", config: JSON.stringify(config) };
    expect(other(own)).toBe("read");
    expect(other({})).toBe("checkpoint-format");
    for (const format of ["pt", "tandem/2", "tandem/4"]) {
      expect(other({ ...own, format })).toBe("checkpoint-format");
    }
    expect(other({ ...own, config: JSON.stringify({ ...config, model: "mlp" }) })).toBe(
      "checkpoint-damaged",
    );
    expect(other(own, tensors.slice(1))).toBe("checkpoint-damaged");
    expect(other({ ...own, step: "-1" })).toBe("checkpoint-damaged");
    expect(other({ ...own, config: "{" })).toBe("checkpoint-damaged");
  });

  test("with numbers that are not finite is refused, by the tensor's name", () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      const poisoned = tensors.map((tensor) => ({ ...tensor, values: tensor.values.slice() }));
      poisoned[5]!.values[poisoned[5]!.values.length - 1] = value;
      const bytes = Buffer.concat(encodeCheckpoint({ config, step: 7, tensors: poisoned }));
      expect(codeOf(bytes)).toBe("checkpoint-damaged");
      expect(() => decodeCheckpoint("f", bytes)).toThrow(`not finite: ${poisoned[5]!.name}`);
      expect(firstNonFinite(poisoned)).toBe(poisoned[5]!.name);
    }
    const extremes = Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0);
    expect(firstNonFinite([{ name: "extremes", shape: [4], values: extremes }])).toBeUndefined();
  });

  test("carries its suspect steps, and without any is the same bytes as ever", () => {
    const bytesWith = (suspectSteps: StepRange[]) =>
      Buffer.concat(encodeCheckpoint({ config, step: 7, tensors, suspectSteps }));
    expect(bytesWith([]).equals(file)).toBe(true);
    expect(decodeCheckpoint("f", file)).not.toHaveProperty("suspectSteps");
    const ranges = [
      { from: 5, to: 6 },
      { from: 0, to: 1 },
      { from: 2, to: 3 },
    ];
    expect(decodeCheckpoint("f", bytesWith(ranges)).suspectSteps).toEqual([
      { from: 0, to: 3 },
      { from: 5, to: 6 },
    ]);
    const metadata = { format: "tandem/3", step: "7", config: JSON.stringify(config) };
    for (const text of ["", "[]", "{}", '[{"from":3,"to":2}]', '[{"from":1,"to":2.5}]', "[null]"]) {
      const bytes = encodeSafetensors({ ...metadata, suspect_steps: text }, tensors);
      expect(codeOf(Buffer.concat(bytes)), text).toBe("checkpoint-damaged");
    }
  });

  test("carries from which step on numerics were mixed", () => {
    const mixed = Buffer.concat(encodeCheckpoint({ config, step: 7, tensors, mixedSince: 0 }));
    expect(decodeCheckpoint("f", mixed).mixedSince).toBe(0);
    expect(decodeCheckpoint("f", file)).not.toHaveProperty("mixedSince");
    const metadata = { format: "tandem/3", step: "7", config: JSON.stringify(config) };
    for (const text of ["", "-1", "1.5", "01", "null", "[]"]) {
      const bytes = encodeSafetensors({ ...metadata, mixed_numerics_since: text }, tensors);
      expect(codeOf(Buffer.concat(bytes)), text).toBe("checkpoint-damaged");
    }
  });

  test("read in pieces of any size is the same, and in place as in memory of its own", () => {
    const source = memorySource(file);
    const header = readHeader(source, () => undefined);
    for (const pieceBytes of [4, 12, 4096, 2 ** 24]) {
      expect(bytesOf(readTensors(source, header, pieceBytes)).equals(bytesOf(tensors))).toBe(true);
      verifyTensors(source, header, pieceBytes);
    }
    const altered = Buffer.from(file);
    altered[file.length - 2]! ^= 1;
    expect(() => verifyTensors(memorySource(altered), header, 4096)).toThrow("altered");
  });

  test("that is missing, or a folder, is named", () => {
    expect(() => readCheckpoint("/no/such/file")).toThrow(TandemError);
    expect(() => readCheckpoint("/")).toThrow(TandemError);
  });
});

test("a write that fails leaves the old file, and no temporary one", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "c.safetensors");
  writeFileSync(path, "old");
  const broken = [Buffer.from("new"), null as unknown as Uint8Array];
  await expect(writeAtomically(path, broken)).rejects.toThrow();
  expect(readFileSync(path, "utf8")).toBe("old");
  await writeAtomically(path, [Buffer.from("new")]);
  expect(readFileSync(path, "utf8")).toBe("new");
});
