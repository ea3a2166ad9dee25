// Rescaling layers of Keras models: dropped if Tandem does the same with bytes, otherwise refused.
import { expect, test } from "vitest";
import { readKerasJson, readKerasNetwork } from "../../src/shared/network/keras-json.js";
import { type KerasLayer, sequential } from "../support/keras.js";

const REST: KerasLayer[] = [
  ["Flatten", "flat"],
  ["Dense", "out", { units: 2 }],
];
const rescaling = (scale: number, offset = 0): KerasLayer => [
  "Rescaling",
  "scaled",
  { scale, offset },
];
const modelOf = (...layers: KerasLayer[]) => sequential([4, 4, 1], layers);

test.each([1 / 255, Math.fround(1 / 255), 0.00392156862745098])(
  "a first layer of scale %f is dropped, and named",
  (scale) => {
    const { network, pixelLayer } = readKerasNetwork(modelOf(rescaling(scale), ...REST));
    expect(pixelLayer).toBe("scaled");
    expect(network).toEqual(readKerasJson(modelOf(...REST)));
  },
);

test("whoever does not know the data refuses it", () => {
  const text = modelOf(rescaling(1 / 255), ...REST);
  expect(() => readKerasJson(text)).toThrow(/layer "scaled" .*it divides pixels by 255/);
});

test("one that changes nothing is dropped anywhere", () => {
  const [flat, out] = REST as [KerasLayer, KerasLayer];
  const { network, pixelLayer } = readKerasNetwork(modelOf(flat, rescaling(1), out));
  expect([network, pixelLayer]).toEqual([readKerasJson(modelOf(...REST)), undefined]);
});

test.each<[string, string, RegExp]>([
  ["another scale", modelOf(rescaling(1 / 127.5, -1), ...REST), /computes 0\.0078\d*·x \+ -1/],
  ["an offset", modelOf(rescaling(1 / 255, 0.5), ...REST), /computes .*·x \+ 0\.5/],
  ["a later one", modelOf(REST[0]!, rescaling(1 / 255), REST[1]!), /only a first layer/],
  ["another option", modelOf(["Rescaling", "scaled", { scale: 1, axis: 1 }], ...REST), /"axis"/],
  ["scales as a list", modelOf(["Rescaling", "scaled", { scale: [1, 2] }], ...REST), /"scale"/],
])("refuses %s", (_what, text, sentence) => {
  expect(() => readKerasNetwork(text)).toThrow(sentence);
  expect(() => readKerasNetwork(text)).toThrow(/layer "scaled"/);
});

test("refuses one that scales the input of some layers only", () => {
  const layer = (name: string, className: string, config: object, inputs: string[]) => ({
    ...{ name, class_name: className, config: { name, ...config } },
    inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])],
  });
  const text = JSON.stringify({
    class_name: "Functional",
    config: {
      layers: [
        layer("in", "InputLayer", { batch_input_shape: [null, 4] }, []),
        layer("scaled", "Rescaling", { scale: 1 / 255 }, ["in"]),
        layer("both", "Add", {}, ["scaled", "in"]),
      ],
      input_layers: [["in", 0, 0]],
      output_layers: [["both", 0, 0]],
    },
  });
  expect(() => readKerasNetwork(text)).toThrow(/"scaled".*"both" uses the input unscaled/);
});
