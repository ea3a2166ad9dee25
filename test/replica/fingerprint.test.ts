// The numerics fingerprint: the same wherever the engine computes the same bits, another where one bit of one result differs.
import { describe, expect, test } from "vitest";
import { type EngineSpec, type RunConfig } from "../../src/shared/config.js";
import { type Engine, type OwnedScope, withScope } from "../../src/shared/engine/engine.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { loadTensorFlow } from "../../src/shared/engine/tensorflow/tensorflow.js";
import { openWasmInNode } from "../../src/shared/engine/wasm/node.js";
import { numericsFingerprint } from "../../src/shared/replica/fingerprint.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";
import { hasTensorFlow } from "../support/engines.js";

const SPECS: EngineSpec[] = [
  { name: "wasm" },
  ...(hasTensorFlow ? [{ name: "tensorflow", threads: 1 } as const] : []),
];
const WASM = openEngine({ name: "wasm" });

const fingerprintOf = (changes: Partial<RunConfig> = {}, engine: Engine = WASM) =>
  numericsFingerprint(layoutOfRun(configOf(changes)), engine);

describe.each(SPECS)("on the engine $name", (spec) => {
  const engine = openEngine(spec);

  test("is 64 digits, and the same each time", () => {
    const fingerprint = fingerprintOf({}, engine);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(fingerprintOf({}, engine)).toBe(fingerprint);
  });

  test("is of the run's own network, sizes and optimizer, and not of its data or of itself", () => {
    const fingerprint = fingerprintOf({}, engine);
    const { data, optimizer } = configOf();
    const others: Partial<RunConfig>[] = [
      { shards: 3 },
      { batchSize: 12 },
      { batchNorm: "sync" },
      { optimizer: { kind: "momentum", momentum: 0.9, weightDecay: 0 } },
      { optimizer: { ...optimizer, weightDecay: 0.01 } },
      { loss: { kind: "softmax-cross-entropy", labelSmoothing: 0.1 } },
    ];
    const all = [fingerprint, ...others.map((other) => fingerprintOf(other, engine))];
    expect(new Set(all).size).toBe(all.length);
    const same: Partial<RunConfig>[] = [
      { data: { ...data, digest: "1".repeat(64) } },
      { numerics: "2".repeat(64) },
      { seed: 5 },
      { validationSize: 9 },
    ];
    for (const each of same) expect(fingerprintOf(each, engine)).toBe(fingerprint);
  });
});

test("differs between engines whose last bits differ", () => {
  if (!hasTensorFlow) return;
  const tensorflow = openEngine({ name: "tensorflow", threads: 1 });
  expect(fingerprintOf({}, tensorflow)).not.toBe(fingerprintOf());
});

test("does not depend on the wasm engine's threads", () => {
  expect(fingerprintOf({}, openWasmInNode(2))).toBe(fingerprintOf());
});

/** The engine with the last bit of one value flipped, in what the n-th run fetches first. */
function withFlippedBit(
  engine: Engine,
  run: number,
  at = 0,
): { engine: Engine; runs: () => number } {
  let runs = 0;
  const open: Engine["open"] = (graph) => {
    const session = engine.open(graph);
    const flipped = new Set<unknown>();
    const openScope = (): OwnedScope => {
      const inner = session.openScope();
      return {
        tensor: (shape, values) => inner.tensor(shape, values),
        run: (feeds, fetches) => {
          const tensors = inner.run(feeds, fetches);
          if (runs++ === run) flipped.add(tensors[at]);
          return tensors;
        },
        floats: (tensor) => {
          const values = inner.floats(tensor);
          if (flipped.has(tensor)) new Int32Array(values.buffer, values.byteOffset)[0]! ^= 1;
          return values;
        },
        close: () => {
          inner.close();
        },
      };
    };
    return {
      ...{ openScope, scope: (body) => withScope({ openScope }, body) },
      ...{ dispose: () => session.dispose(), free: (tensor) => session.free(tensor) },
      allocate: (lengths) => session.allocate(lengths),
      keep: (shape, values) => session.keep(shape, values),
      write: (variables) => session.write(variables),
      read: (variables) => session.read(variables),
    };
  };
  return { engine: { name: engine.name, open }, runs: () => runs };
}

test.each([
  ["a loss, a gradient or a prediction's loss", {}],
  ["those, or a contribution to a barrier,", { batchNorm: "sync" }],
] as const)("differs where one bit of %s does", (_, changes) => {
  const calm = fingerprintOf(changes);
  const unflipped = withFlippedBit(WASM, -1);
  expect(fingerprintOf(changes, unflipped.engine)).toBe(calm);
  // A shard's runs, the optimizer's, which fetches effects, and inference's.
  const runCount = unflipped.runs();
  expect(runCount).toBeGreaterThanOrEqual(3);
  for (const run of Array(runCount).keys()) {
    if (run === runCount - 2) continue;
    const at = run === runCount - 1 ? 1 : 0;
    const { engine } = withFlippedBit(WASM, run, at);
    expect(fingerprintOf(changes, engine), `run ${run}`).not.toBe(calm);
  }
});

test("differs where one bit of the new weights does", () => {
  const open: Engine["open"] = (graph) => {
    const session = WASM.open(graph);
    const read = session.read.bind(session);
    session.read = (variables) => {
      read(variables);
      new Int32Array(variables.at(-1)!.into.buffer)[0]! ^= 1;
    };
    return session;
  };
  expect(fingerprintOf({}, { name: "wasm", open })).not.toBe(fingerprintOf());
});

test("takes any NaN for the same, and leaves no tensor and no session behind", () => {
  const open =
    (payload: number): Engine["open"] =>
    (graph) => {
      const session = WASM.open(graph);
      const read = session.read.bind(session);
      session.read = (variables) => {
        read(variables);
        const { into } = variables[0]!;
        new Int32Array(into.buffer, into.byteOffset)[0] = payload;
      };
      return session;
    };
  const [quiet, other, infinity] = [0x7fc00000, 0x7fc00001, 0x7f800000].map((payload) =>
    fingerprintOf({}, { name: "wasm", open: open(payload) }),
  );
  expect(other).toBe(quiet);
  expect(infinity).not.toBe(quiet);
  const engine = openWasmInNode();
  fingerprintOf({}, engine);
  expect(engine.sessions.size).toBe(0);
  if (!hasTensorFlow) return;
  const tf = loadTensorFlow(1);
  const before = tf.getNumOfTensors();
  fingerprintOf({}, openEngine({ name: "tensorflow", threads: 1 }));
  expect(tf.getNumOfTensors()).toBe(before);
});

test("every kind of layer, loss and target has one", () => {
  const values: Partial<RunConfig> = {
    loss: { kind: "huber", delta: 1 },
    data: { inputType: "float32", target: { kind: "values", count: 4 }, digest: "0".repeat(64) },
  };
  expect(fingerprintOf(values)).not.toBe(fingerprintOf());
});
