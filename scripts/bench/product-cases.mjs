// The products and convolutions of the preset `cnn`'s training step, for wasm-products.mjs.

/** @typedef {import("../../dist/shared/graph/builder.js").GraphBuilder} GraphBuilder */
/** @typedef {import("../../dist/shared/graph/graph.js").Value} Value */

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {number} operations floating-point operations: two per term
 * @property {number[][]} inputs shapes
 * @property {(graph: GraphBuilder, inputs: Value[]) => Value} build
 * @property {Record<string, unknown>[]} peers equivalent computations in PyTorch; the fastest one counts
 */

/** @param {number} batch @returns {Case[]} */
export function productCases(batch) {
  return [
    ...convolutions("conv1", batch, 28, 1, 32).filter(({ name }) => !name.includes("dX")),
    ...convolutions("conv2", batch, 14, 32, 64),
    ...dense("dense", batch, 3136, 1024),
    ...dense("output", batch, 1024, 10),
  ];
}

/**
 * @param {string} layer @param {number} batch @param {number} inputs @param {number} units
 * @returns {Case[]}
 */
function dense(layer, batch, inputs, units) {
  const [x, w, dy] = [
    [batch, inputs],
    [inputs, units],
    [batch, units],
  ];
  return [
    product(`${layer} forward`, [x, w], false, false),
    product(`${layer} dX`, [dy, w], false, true),
    product(`${layer} dW`, [x, dy], true, false),
  ].map((each) => ({ ...each, operations: 2 * batch * inputs * units }));
}

/**
 * @param {string} name @param {number[][]} inputs @param {boolean} transposeA @param {boolean} transposeB
 */
function product(name, inputs, transposeA, transposeB) {
  return {
    name,
    inputs,
    build: (/** @type {GraphBuilder} */ graph, /** @type {Value[]} */ [a, b]) =>
      graph.matMul(need(a), need(b), { transposeA, transposeB }),
    peers: [{ kind: "mat-mul", inputs, transposeA, transposeB }],
  };
}

const SLIDING = { strides: [1, 1], padding: "same" };
const KERNEL_SIDES = [5, 5];

/**
 * @param {string} layer @param {number} batch @param {number} side @param {number} channels @param {number} filters
 * @returns {Case[]}
 */
function convolutions(layer, batch, side, channels, filters) {
  const x = [batch, side, side, channels];
  const kernel = [...KERNEL_SIDES, channels, filters];
  const y = [batch, side, side, filters];
  const operations = 2 * batch * side * side * 25 * channels * filters;
  const peersOf = (/** @type {string} */ kind) =>
    ["default", "channels-last"].map((layout) => ({ kind, layout, x, kernel, y }));
  const sliding = /** @type {import("../../dist/shared/graph/convolution-builder.js").Sliding} */ (
    /** @type {unknown} */ (SLIDING)
  );
  const size = /** @type {[number, number]} */ (KERNEL_SIDES);
  return [
    {
      name: `${layer} forward`,
      operations,
      inputs: [x, kernel],
      build: (graph, [a, b]) => graph.conv2d.forward(need(a), need(b), sliding),
      peers: peersOf("conv2d"),
    },
    {
      name: `${layer} dX`,
      operations,
      inputs: [kernel, y],
      build: (graph, [a, b]) => graph.conv2d.inputGradient(need(a), need(b), x.slice(1), sliding),
      peers: peersOf("conv2d-input-gradient"),
    },
    {
      name: `${layer} dW`,
      operations,
      inputs: [x, y],
      build: (graph, [a, b]) => graph.conv2d.kernelGradient(need(a), need(b), { size, ...sliding }),
      peers: peersOf("conv2d-kernel-gradient"),
    },
  ];
}

/** @param {Value | undefined} value */
function need(value) {
  if (!value) throw new RangeError("an input is missing");
  return value;
}
