// A run with synchronised batch normalisation in eight shards is a run in one, to rounding: the real network on MNIST, as
// processes.
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { temporaryFolder } from "../support/data.js";
import { tandem } from "../support/tandem.js";

const TOLERANCE = 1e-4;

/** Weights and population statistics behind 20 steps. */
async function train(shards: number): Promise<Map<string, Float32Array>> {
  const folder = temporaryFolder();
  const args = ["single", "--steps", "20", "--eval-every", "0", "--shards", `${shards}`];
  const { code, stderr } = await tandem([...args, "--batch-norm", "sync"], { cwd: folder });
  expect(code, stderr).toBe(0);
  const { tensors } = readCheckpoint(join(folder, "checkpoint.safetensors"));
  const trained = tensors.filter(({ name }) => !name.startsWith("adam/"));
  return new Map(trained.map(({ name, values }) => [name, values]));
}

const norm = (values: Float32Array) =>
  Math.sqrt(values.reduce((squares, value) => squares + value * value, 0));

test("weights after 20 steps are those of one shard to 1e-4", async () => {
  const [whole, parts] = [await train(1), await train(8)];
  expect([...parts.keys()]).toEqual([...whole.keys()]);
  let different = 0;
  for (const [name, values] of whole) {
    const others = parts.get(name)!;
    const difference = norm(values.map((value, index) => value - others[index]!));
    expect(difference / norm(values), name).toBeLessThan(TOLERANCE);
    if (difference > 0) different++;
  }
  // Not the same computation: one shard has no barriers.
  expect(different).toBeGreaterThan(0);
});
