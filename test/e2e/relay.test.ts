// Relays in real processes: the file is that of `single`, whatever the tree.
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { writeSequential } from "../support/keras.js";
import { RelayTree, workerEvent } from "../support/relay-tree.js";
import { SmallRun } from "../support/small-run.js";
import { killAll, type Tandem } from "../support/tandem.js";

/** Many processes: each is sooner there without TensorFlow. */
function small(steps: number, ...options: string[]): SmallRun {
  return new SmallRun(steps, [...options, "--engine", "wasm"]);
}

const FACTORED = small(12, "--shards", "8", "--batch-size", "16", "--eval-every", "5");
/** A network without a kernel that is worth factoring. */
const DENSE = small(
  12,
  ...["--network", writeNetwork(), "--shards", "6", "--batch-size", "24", "--eval-every", "5"],
);
const SYNC = small(8, "--shards", "8", "--batch-norm", "sync", "--eval-every", "5");
const EXACT = small(6, "--shards", "4", "--population", "exact", "--eval-every", "0");

function writeNetwork(): string {
  return writeSequential(
    [16, 16, 1],
    [
      ["Conv2D", "conv", { filters: 8, kernel_size: [3, 3], strides: [2, 2], padding: "same" }],
      ["BatchNormalization", "bn", { axis: -1 }],
      ["Activation", "relu", { activation: "relu" }],
      ["GlobalAveragePooling2D", "pool"],
      ["Dense", "classes", { units: 4 }],
    ],
  );
}

afterEach(killAll);

async function expectCalmEnd(run: SmallRun, tree: RelayTree, others: readonly Tandem[] = []) {
  const { code, stderr } = await tree.coordinator.ended;
  expect(code, stderr).toBe(0);
  expect(run.digest(tree.cwd)).toBe(run.calmDigest);
  for (const other of others) expect((await other.ended).code).toBe(0);
}

describe.each([
  ["factored gradients", FACTORED, "weights"],
  ["dense gradients", DENSE, "weights"],
  ["dense gradients", DENSE, "updates"],
  ["factored gradients", FACTORED, "updates"],
  ["synchronised batch normalisation", SYNC, "weights"],
  ["synchronised batch normalisation", SYNC, "updates"],
  ["population statistics of the whole training set", EXACT, "weights"],
] as const)("with %s", (_name, run, broadcast) => {
  beforeAll(async () => {
    if (run.calmDigest === "") await run.prepare();
  });

  test(`--broadcast ${broadcast}: one relay with all workers`, async () => {
    const tree = await RelayTree.start(run, 2, ["--broadcast", broadcast]);
    const relay = await tree.relay("r");
    const workers = ["a", "b"].map((name) => tree.worker(name, [relay.url]));
    await expectCalmEnd(run, tree, [relay.process, ...workers]);
    expect(tree.coordinator.events.filter(({ event }) => event === "worker")).toMatchObject([
      { name: "r", state: "joined", kind: "relay" },
      { name: "r", state: "left" },
    ]);
  });

  test(`--broadcast ${broadcast}: two levels, and a worker beside them`, async () => {
    const tree = await RelayTree.start(run, 4, ["--broadcast", broadcast]);
    const upper = await tree.relay("upper");
    const lower = await tree.relay("lower", upper.url);
    const workers = [
      tree.worker("a", [lower.url]),
      tree.worker("b", [lower.url]),
      tree.worker("c", [upper.url]),
      tree.worker("d"),
    ];
    await workerEvent(upper.process, "lower", "joined");
    await expectCalmEnd(run, tree, [upper.process, lower.process, ...workers]);
  });
});
