// Compares the wasm engine's own exponentials and logarithms with JavaScript's, which are accurate to an ulp or two of float64, and
// erfc with the float64 reference's, over evenly spaced float32 numbers.
import { expect, test } from "vitest";
import { instantiate } from "../../src/shared/engine/wasm/executor.js";
import { loadKernels } from "../../src/shared/engine/wasm/load-kernels.js";
import { webAssembly } from "../../src/shared/engine/wasm/webassembly.js";
import { activate, activationDerivative } from "../support/reference/activations.js";
import { openWasmInNode } from "../../src/shared/engine/wasm/node.js";
import type { ActivationKind } from "../../src/shared/network/spec.js";
import { GraphBuilder } from "../../src/shared/graph/builder.js";

const memory = new webAssembly.Memory({ initial: 1, maximum: 65_536 });
const kernels = instantiate(loadKernels(), memory) as Record<string, (x: number) => number>;

/** Every 10,007th float32, of both signs: denormal numbers, infinities and NaN too. */
function* someFloats(): Generator<number> {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let pattern = 0; pattern <= 0xffffffff; pattern += 10_007) {
    bits[0] = pattern;
    yield float[0]!;
  }
  yield* [0, -0, 1, -1, 2 ** -149, -(2 ** -149), 2 ** -126, Infinity, -Infinity, NaN];
}

/** Half an ulp of float32 is 6e-8: results that are so much better are nearly always rounded to the correct number. */
const TOLERANCE = 1e-11;

function expectNear(name: string, x: number, found: number, expected: number): void {
  if (Object.is(found, expected)) return;
  const error = Math.abs(found - expected) / Math.abs(expected);
  // What float32 cannot represent does not have to be correct: there it is 0 or infinite.
  const rounded = Math.fround(found) === Math.fround(expected);
  const isSmall = Math.abs(expected) < 1e-60 && Math.abs(found) < 1e-60;
  const isLarge = expected > 1e60 && found > 1e60;
  if (rounded && (isSmall || isLarge || Number.isNaN(error))) return;
  if (!(error < TOLERANCE)) expect.fail(`${name}(${x}) is ${found}, not ${expected}`);
}

test.each<[name: string, expected: (x: number) => number]>([
  ["exp", Math.exp],
  ["expm1", Math.expm1],
  ["tanh", Math.tanh],
])("%s", (name, expected) => {
  for (const x of someFloats()) expectNear(name, x, kernels[name]!(x), expected(x));
});

test("log, from 1 on, and log1p, from 0 to 1", () => {
  for (const x of someFloats()) {
    if (x >= 1) expectNear("log", x, kernels["log"]!(x), Math.log(x));
    if (x >= 0 && x <= 1) expectNear("log1p", x, kernels["log1p"]!(x), Math.log1p(x));
  }
  for (const x of [1, 1 + 2 ** -52, 1.5, Math.SQRT2, 2, 1e300, Infinity]) {
    expectNear("log", x, kernels["log"]!(x), Math.log(x));
  }
  expect(kernels["log"]!(NaN)).toBeNaN();
});

/** [x, erfc(x)] from mpmath 1.3, mp.dps = 40. */
const ERFC: readonly (readonly [number, number])[] = [
  [0, 1.0],
  [1e-20, 1.0],
  [0.001, 0.9988716212090307],
  [0.1, 0.887537083981715],
  [0.3, 0.6713732405408726],
  [0.5, 0.4795001221869535],
  [0.75, 0.28884436634648486],
  [1, 0.15729920705028513],
  [1.25, 0.07709987174354177],
  [1.7, 0.01620954140922544],
  [2, 0.004677734981047266],
  [2.5, 0.0004069520174449589],
  [3, 2.209049699858544e-5],
  [3.7, 1.6715105790914599e-7],
  [5, 1.537459794428035e-12],
  [6.5, 3.8421483271206475e-20],
  [8, 1.1224297172982926e-29],
  [9.1, 6.696900427988608e-38],
  [10.5, 7.035928090177523e-50],
  [13, 1.7395573154667246e-75],
  [20, 5.395865611607901e-176],
];

test("erfc", () => {
  for (const [x, expected] of ERFC) {
    expectNear("erfc", x, kernels["erfc"]!(x), expected);
    expectNear("erfc", -x, kernels["erfc"]!(-x), 2 - expected);
  }
  expect([Infinity, -Infinity, NaN].map((x) => kernels["erfc"]!(x))).toEqual([0, 2, NaN]);
});

test.each<ActivationKind>(["elu", "gelu", "gelu-tanh", "silu", "sigmoid", "tanh"])(
  "%s and its gradient are within an ulp of float32",
  (kind) => {
    const values = Float32Array.from(someFloats()).filter((x) => !(Math.abs(x) >= 1e4));
    const graph = new GraphBuilder();
    const x = graph.constant("x", [values.length], values);
    const dy = graph.constant("dy", [values.length], new Float32Array(values.length).fill(1));
    const y = graph.activation(x, kind, 0.7);
    const dx = graph.activationGradient(dy, x, y, kind, 0.7);
    const session = openWasmInNode().open(graph);
    const [found, gradient] = session.scope((scope) => {
      return scope.run([], [y, dx]).map((tensor) => scope.floats(tensor));
    });
    session.dispose();
    values.forEach((value, at) => {
      expectUlp(kind, value, found![at]!, activate(kind, 0.7, value));
      expectUlp(`${kind}′`, value, gradient![at]!, activationDerivative(kind, 0.7, value));
    });
  },
);

/** 2⁻²³ of the value, plus what the reference itself loses by cancellation, which is most in ½(1 + tanh). */
function expectUlp(name: string, x: number, found: number, expected: number): void {
  const loss = name.startsWith("gelu-tanh") ? 1e-13 : 1e-15;
  const tolerance = 1.2e-7 * Math.abs(expected) + loss;
  const isNear = Math.abs(found - expected) <= tolerance || Object.is(found, expected);
  if (!isNear) expect.fail(`${name}(${x}) is ${found}, not ${expected}`);
}
