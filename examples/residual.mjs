// A residual network with separable convolutions, on generated images of horizontal bars, vertical bars and crosses in noise:
// node examples/residual.mjs [--steps 200]
import { parseArgs } from "node:util";
import {
  adam,
  arrays,
  batchNorm,
  conv,
  dense,
  globalAveragePool,
  network,
  oneCycle,
  relu,
  residual,
  separableConv,
  train,
} from "tandem";

const { values } = parseArgs({ options: { steps: { type: "string", default: "200" } } });
const SIDE = 16;
const CLASSES = ["horizontal", "vertical", "cross"];

/** Generates whole numbers (Park and Miller, 1988), so that every run has the same images. */
let state = 1;
const below = (bound) => (state = (state * 48_271) % 2_147_483_647) % bound;

function makeImages(count) {
  const inputs = new Uint8Array(count * SIDE * SIDE);
  const targets = Array.from({ length: count }, (_, image) => image % CLASSES.length);
  targets.forEach((target, image) => {
    const [row, column] = [1 + below(SIDE - 2), 1 + below(SIDE - 2)];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const isDrawn = (target !== 1 && y === row) || (target !== 0 && x === column);
        inputs[(image * SIDE + y) * SIDE + x] = below(100) + (isDrawn ? 120 : 0);
      }
    }
  });
  return { inputs, targets };
}

/** Two separable convolutions with a shortcut around them, which has a convolution if the shape changes. */
const block = (filters, strides) => [
  residual(
    [
      separableConv(filters, 3, { strides, useBias: false }),
      batchNorm(),
      relu(),
      separableConv(filters, 3, { useBias: false }),
      batchNorm(),
    ],
    strides === 1 ? [] : [conv(filters, 1, { strides, useBias: false }), batchNorm()],
  ),
  relu(),
];

const run = train({
  network: network(
    [SIDE, SIDE, 1],
    [
      conv(16, 3, { useBias: false }),
      batchNorm(),
      relu(),
      ...block(16, 1),
      ...block(32, 2),
      globalAveragePool(),
      dense(CLASSES.length),
    ],
  ),
  data: arrays({
    inputShape: [SIDE, SIDE, 1],
    ...makeImages(1500),
    test: makeImages(300),
    classNames: CLASSES,
  }),
  optimizer: adam({ learningRate: oneCycle(0.005) }),
  batchSize: 50,
  steps: Number(values.steps),
  shards: 2,
  evalEvery: 50,
  output: "residual.safetensors",
});
for await (const event of run) {
  if (event.event === "evaluation") console.log(`step ${event.step}: ${event.testAccuracy}`);
}
console.log("test accuracy", (await run.result).testAccuracy);
