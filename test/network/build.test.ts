import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TandemError } from "../../src/shared/errors.js";
import { buildNetwork } from "../../src/shared/network/build.js";
import {
  batchNorm,
  conv,
  dense,
  depthwiseConv,
  dropout,
  flatten,
  globalMaxPool,
  type LayerItem,
  maxPool,
  relu,
  reshape,
  softmax,
  zeroPadding,
} from "../../src/shared/network/layers.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { INPUT_NAME, type LayerNode, type LayerSpec } from "../../src/shared/network/spec.js";

const layerOf = (item: LayerItem): LayerSpec => item.parts[0]![1];

/** A layer of a description. */
function node(name: string, item: LayerItem | LayerSpec, ...inputs: string[]): LayerNode {
  const layer = "form" in item ? layerOf(item) : item;
  return { name, inputs, trainable: true, layer };
}

const ADD: LayerSpec = { kind: "add" };

function refusalOf(inputShape: readonly number[], layers: readonly unknown[]): string {
  try {
    buildNetwork({ inputShape, layers: layers as LayerNode[] });
  } catch (error) {
    if (error instanceof TandemError && error.code === "network") {
      expect(error.exitCode).toBe(2);
      expect(error.message).not.toContain("\n");
      return error.message;
    }
    throw error;
  }
  throw new Error("not refused");
}

describe("shapes that do not fit", () => {
  it.each<[string, readonly number[], LayerNode[], RegExp]>([
    ["a dense layer on an image", [4, 4, 1], [node("a", dense(2), "input")], /"a".*flatten/],
    ["a convolution on a vector", [4], [node("a", conv(2, 1), "input")], /"a".*images/],
    [
      "a window larger than the image",
      [4, 4, 1],
      [node("a", conv(2, [1, 5], { padding: "valid" }), "input")],
      /"a".*1×5 is larger than its input of 4×4/,
    ],
    [
      "a pool that leaves nothing for the next one",
      [4, 4, 1],
      [
        node("a", maxPool(3, { padding: "valid" }), "input"),
        node("b", maxPool(2, { padding: "valid" }), "a"),
      ],
      /"b".*2×2 is larger than its input of 1×1/,
    ],
    ["a reshape to another size", [4], [node("a", reshape([3]), "input")], /"a".*4 values.*3/],
    [
      "an add of shapes that differ",
      [4],
      [node("a", dense(3), "input"), node("b", ADD, "a", "input")],
      /"b".*\[3\] and \[4\]/,
    ],
    ["an add of one", [4], [node("a", ADD, "input")], /"a".*1 input/],
    [
      "a concatenation of ranks that differ",
      [4, 4, 1],
      [
        node("a", globalMaxPool(), "input"),
        node("b", { kind: "concatenate", axis: 0 }, "a", "input"),
      ],
      /"b"/,
    ],
    [
      "a concatenation along an axis that is not there",
      [4],
      [node("a", { kind: "concatenate", axis: 1 }, "input", "input")],
      /"a".*no axis 1/,
    ],
    [
      "two inputs of a layer with one",
      [4],
      [node("a", dense(4), "input"), node("b", relu(), "a", "input")],
      /"b".*2 inputs/,
    ],
    [
      "softmax in the middle",
      [4],
      [node("a", softmax(), "input"), node("b", dense(4), "a")],
      /"a".*last layer/,
    ],
  ])("%s", (_, inputShape, layers, message) => {
    expect(refusalOf(inputShape, layers)).toMatch(message);
  });
});

describe("layers in places that do not fit", () => {
  it.each<[string, LayerNode[], RegExp]>([
    ["an unknown input", [node("a", relu(), "b")], /"a".*"b" is not a layer/],
    [
      "an input after its use",
      [node("a", relu(), "b"), node("b", relu(), "input")],
      /"a".*"b" does not come before/,
    ],
    ["itself as its input", [node("a", relu(), "a")], /"a".*does not come before/],
    [
      "a result that nobody uses",
      [node("a", relu(), "input"), node("b", relu(), "input")],
      /"a".*no other layer/,
    ],
    [
      "two layers of one name",
      [node("a", relu(), "input"), node("a", relu(), "a")],
      /"a".*same name/,
    ],
  ])("%s", (_, layers, message) => {
    expect(refusalOf([4], layers)).toMatch(message);
  });

  it("no layers, and too many", () => {
    expect(refusalOf([4], [])).toMatch(/layers/);
    const chain = Array.from({ length: 1001 }, (_, index) =>
      node(`a${index}`, relu(), index === 0 ? INPUT_NAME : `a${index - 1}`),
    );
    expect(refusalOf([4], chain)).toMatch(/layers/);
    expect(buildNetwork({ inputShape: [4], layers: chain.slice(0, -1) }).layers).toHaveLength(1000);
  });
});

describe("names", () => {
  it.each([
    ...["", "__proto__", "constructor", "prototype", "a/__proto__", "input"],
    ...["a,b", "a b", "a\tb", "a\u0000b", "a\u202eb", "a\ud800", "a\u2028", "a".repeat(201)],
    ...["/a", "a/", "a//b", "adam/m/fc1", "momentum", "rmsprop/a"],
  ])("%j is refused", (name) => {
    expect(refusalOf([4], [node(name, dense(1), "input")])).toMatch(/name/);
  });

  it.each(["a", "conv2d_1", "block1/conv", "層", "a.b-c", "input_1", "adam1", "a".repeat(200)])(
    "%j is allowed",
    (name) => {
      const { parameters } = buildNetwork({
        inputShape: [4],
        layers: [node(name, dense(1), "input")],
      });
      expect(parameters[0]!.name).toBe(`${name}/kernel`);
    },
  );

  it("are shortened in messages", () => {
    expect(refusalOf([4], [node("a\n".repeat(1e5), relu(), "input")]).length).toBeLessThan(400);
  });
});

describe("numbers beyond the limits", () => {
  it.each<[string, readonly number[], LayerNode[], RegExp]>([
    ["units", [4], [node("a", dense(2 ** 21), "input")], /"a".*units/],
    ["fractions", [4], [node("a", dense(1.5), "input")], /"a".*units/],
    ["NaN", [4], [node("a", dropout(NaN), "input")], /"a".*rate/],
    ["a rate of 1", [4], [node("a", dropout(1), "input")], /"a".*rate/],
    ["strides of 0", [4, 4, 1], [node("a", maxPool(2, { strides: 0 }), "input")], /"a".*strides/],
    ["an epsilon of 0", [4], [node("a", batchNorm({ epsilon: 0 }), "input")], /"a".*epsilon/],
    [
      "alpha where it has no use",
      [4],
      [node("a", { ...layerOf(relu()), alpha: 1 } as LayerSpec, "input")],
      /"a".*alpha/,
    ],
    ["sides", [4000, 4000, 1], [node("a", zeroPadding(100), "input")], /"a".*4200/],
    ["values per sample", [4000, 4000, 1], [node("a", conv(64, 1), "input")], /"a".*per sample/],
    [
      "parameters",
      [2 ** 20],
      [node("a", dense(500), "input"), node("b", dense(2 ** 20), "a")],
      /"b".*parameters/,
    ],
    ["an input of no size", [0], [node("a", dense(1), "input")], /inputShape/],
    ["an input of four sides", [1, 1, 1, 1], [node("a", flatten(), "input")], /inputShape/],
  ])("%s", (_, inputShape, layers, message) => {
    expect(refusalOf(inputShape, layers)).toMatch(message);
  });
});

it("unknown keys and kinds", () => {
  expect(refusalOf([4], [{ ...node("a", relu(), "input"), extra: 1 }])).toMatch(/"a".*extra/);
  expect(refusalOf([4], [node("a", { kind: "lstm" } as unknown as LayerSpec, "input")])).toMatch(
    /"a".*kind/,
  );
  expect(refusalOf([4], [null])).toMatch(/number 1/);
  expect(() => buildNetwork(null as never)).toThrow(TandemError);
});

const side = fc.integer({ min: 1, max: 6 });
const sides = fc.tuple(side, side);
const padding = fc.constantFrom("same" as const, "valid" as const);
const anyLayer: fc.Arbitrary<LayerItem> = fc.oneof(
  fc
    .tuple(side, sides, sides, padding)
    .map(([filters, size, strides, of]) => conv(filters, size, { strides, padding: of })),
  fc
    .tuple(side, sides, side, padding)
    .map(([depthMultiplier, size, strides, of]) =>
      depthwiseConv(size, { strides, padding: of, depthMultiplier }),
    ),
  fc
    .tuple(sides, sides, padding)
    .map(([size, strides, of]) => maxPool(size, { strides, padding: of })),
  side.map((units) => dense(units)),
  fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 4 }).map((shape) => reshape(shape)),
  fc.constantFrom(relu(), batchNorm(), softmax(), flatten(), dropout(0.5), zeroPadding(1)),
  fc.constant(globalMaxPool()),
);

it("any sequence of layers, with branches, is built or refused by a layer's name", () => {
  let builtCount = 0;
  fc.assert(
    fc.property(
      fc.oneof({ weight: 5, arbitrary: fc.tuple(side, side, side) }, fc.tuple(side)),
      fc.array(fc.tuple(fc.oneof({ weight: 5, arbitrary: anyLayer }, fc.constant(ADD)), fc.nat()), {
        minLength: 1,
        maxLength: 8,
      }),
      (inputShape, choices) => {
        const layers = choices.map(([layer, choice], index) => {
          const previous = index === 0 ? INPUT_NAME : `layer${index - 1}`;
          const other = `layer${choice % Math.max(1, index)}`;
          const inputs = layer === ADD ? [previous, index === 0 ? INPUT_NAME : other] : [previous];
          return node(`layer${index}`, layer, ...inputs);
        });
        try {
          const built = buildNetwork({ inputShape, layers });
          builtCount++;
          for (const { shape } of built.layers) expect(sizeOf(shape)).toBeGreaterThan(0);
          for (const { shape } of built.parameters) expect(sizeOf(shape)).toBeGreaterThan(0);
          expect(new Set(built.parameters.map(({ name }) => name)).size).toBe(
            built.parameters.length,
          );
          expect(buildNetwork(built.spec)).toEqual(built);
        } catch (error) {
          if (!(error instanceof TandemError)) throw error;
          expect(error.message).toMatch(/layer "layer\d"/);
        }
      },
    ),
    { numRuns: 1000 },
  );
  expect(builtCount).toBeGreaterThan(50);
});
