// Random networks of every layer kind, on small images in three classes; some of their layers are frozen.
import fc from "fast-check";
import { buildNetwork } from "../../src/shared/network/build.js";
import {
  INPUT_NAME,
  type Initializer,
  type LayerNode,
  type LayerSpec,
  type NetworkSpec,
} from "../../src/shared/network/spec.js";

export const CLASS_COUNT = 3;

const KERNEL: Initializer = {
  kind: "variance-scaling",
  scale: 2,
  mode: "fan-in",
  distribution: "truncated-normal",
};
const ZEROS: Initializer = { kind: "constant", value: 0 };
const ONES: Initializer = { kind: "constant", value: 1 };

const side = fc.integer({ min: 1, max: 3 });
const sides = fc.tuple(side, side);
const padding = fc.constantFrom("same" as const, "valid" as const);
const window = { strides: fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2)), padding };
const weights = {
  useBias: fc.boolean(),
  kernelInitializer: fc.constant(KERNEL),
  biasInitializer: fc.constant(ZEROS),
};

/** Layers of one input. */
const layer: fc.Arbitrary<LayerSpec> = fc.oneof(
  fc.record({
    ...{ kind: fc.constant("conv2d" as const), filters: fc.integer({ min: 1, max: 5 }) },
    ...{ kernelSize: sides, ...window, ...weights },
  }),
  fc.record({
    kind: fc.constant("depthwise-conv2d" as const),
    depthMultiplier: fc.constantFrom(1, 2),
    ...{ kernelSize: sides, ...window, ...weights },
  }),
  fc.record({
    kind: fc.constant("batch-norm" as const),
    epsilon: fc.constantFrom(1e-3, 1e-5),
    momentum: fc.constantFrom(0.9, 0.99),
    ...{ scale: fc.boolean(), center: fc.boolean() },
    ...{ scaleInitializer: fc.constant(ONES), betaInitializer: fc.constant(ZEROS) },
  }),
  fc.record({
    kind: fc.constant("activation" as const),
    activation: fc.constantFrom(
      ...(["relu", "relu6", "leaky-relu", "elu", "gelu", "gelu-tanh"] as const),
      ...(["silu", "sigmoid", "tanh"] as const),
    ),
    alpha: fc.constant(0.2),
  }),
  fc.record({ kind: fc.constant("max-pool" as const), poolSize: sides, ...window }),
  fc.record({ kind: fc.constant("average-pool" as const), poolSize: sides, ...window }),
  fc.record({
    kind: fc.constant("zero-padding" as const),
    ...{ top: side, bottom: side, left: side, right: side },
  }),
  fc.record({ kind: fc.constant("dropout" as const), rate: fc.constantFrom(0.2, 0.5) }),
);

type Block =
  | { kind: "layer"; layer: LayerSpec; trainable: boolean }
  /** The layers beside a way around them, added or joined. */
  | { kind: "branch"; layer: LayerSpec; merge: "add" | "concatenate" };

const block: fc.Arbitrary<Block> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ kind: fc.constant("layer" as const), layer },
      trainable: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constant("branch" as const), layer },
      merge: fc.constantFrom("add" as const, "concatenate" as const),
    }),
  },
);

const blueprint = fc.record({
  inputShape: fc.tuple(
    fc.integer({ min: 4, max: 9 }),
    fc.integer({ min: 4, max: 9 }),
    fc.constantFrom(1, 3),
  ),
  blocks: fc.array(block, { minLength: 1, maxLength: 5 }),
  /** How images become features. */
  head: fc.constantFrom<LayerSpec["kind"]>(
    ...(["flatten", "global-average-pool", "global-max-pool"] as const),
  ),
  hiddenUnits: fc.constantFrom(0, 40),
});

function specOf({
  inputShape,
  blocks,
  head,
  hiddenUnits,
}: typeof blueprint extends fc.Arbitrary<infer T> ? T : never): NetworkSpec {
  const layers: LayerNode[] = [];
  let last = INPUT_NAME;
  const add = (own: LayerSpec, inputs = [last], trainable = true): void => {
    const name = `l${layers.length}`;
    layers.push({ name, inputs, trainable, layer: own });
    last = name;
  };
  for (const each of blocks) {
    if (each.kind === "layer") {
      add(each.layer, [last], each.trainable);
    } else {
      const around = last;
      add(each.layer);
      add(each.merge === "add" ? { kind: "add" } : { kind: "concatenate", axis: 2 }, [
        around,
        last,
      ]);
    }
  }
  add(
    head === "flatten"
      ? { kind: "flatten" }
      : { kind: head as "global-max-pool", keepDimensions: false },
  );
  const dense = (units: number): LayerSpec => {
    const initializers = { kernelInitializer: KERNEL, biasInitializer: ZEROS };
    return { kind: "dense", units, useBias: true, ...initializers };
  };
  if (hiddenUnits > 0) {
    add(dense(hiddenUnits));
    add({ kind: "activation", activation: "relu", alpha: 0 });
  }
  add(dense(CLASS_COUNT));
  return { inputShape, layers };
}

/** Undefined where the blueprint is of no network, such as one with a window larger than its image. */
function validSpec(drawn: Parameters<typeof specOf>[0]): NetworkSpec | undefined {
  try {
    return buildNetwork(specOf(drawn)).spec;
  } catch {
    return undefined;
  }
}

export const randomNetworks: fc.Arbitrary<NetworkSpec> = blueprint
  .map(validSpec)
  .filter((spec) => spec !== undefined);
