// A small table for regression, and a small network on it: a run of a second.
import type { DataSource } from "../../src/shared/data/samples.js";
import { arraySource } from "../../src/shared/data/array-source.js";
import { dense, relu } from "../../src/shared/network/layers.js";
import { network } from "../../src/shared/network/compose.js";
import { Random } from "../../src/shared/random.js";

/** Four features, and two values that follow from them. */
export function makeTable(count: number, stream: string) {
  const random = new Random(3, stream);
  const inputs = Float32Array.from({ length: 4 * count }, () => 2 * random.uniform() - 1);
  const targets = new Float32Array(2 * count);
  for (let row = 0; row < count; row++) {
    const [a, b, c, d] = inputs.subarray(4 * row, 4 * row + 4) as unknown as number[];
    targets.set([a! + b! * c!, d! - a!], 2 * row);
  }
  return { inputs, targets };
}

export function tableData(): DataSource {
  return arraySource({ inputShape: [4], ...makeTable(120, "train"), test: makeTable(30, "test") });
}

export const TABLE_NETWORK = network([4], [dense(8), relu(), dense(2)]);
