// A source that makes each sample on demand: pictures of bars, to be classified as wide or tall. Your own source can read a
// database, a simulation or files in another format in the same way.
//   node examples/source.mjs [--steps 200]
import { parseArgs } from "node:util";
import {
  adam,
  batchNorm,
  conv,
  dense,
  flatten,
  maxPool,
  network,
  relu,
  source,
  train,
} from "tandem";

const { values } = parseArgs({ options: { steps: { type: "string", default: "200" } } });

const SIDE = 12;

/** A number from 0 up to but not including `bound`, which is always the same for an index: its sample must never change. */
const draw = (
  /** @type {number} */ index,
  /** @type {number} */ what,
  /** @type {number} */ bound,
) => {
  let bits = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(what + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d);
  return ((bits ^ (bits >>> 13)) >>> 0) % bound;
};

/** @param {number} index */
async function drawBar(index) {
  const isTall = draw(index, 0, 2) === 1;
  const [top, left] = [1 + draw(index, 1, 3), 1 + draw(index, 2, 3)];
  const [height, width] = isTall ? [7, 3] : [3, 7];
  const input = Uint8Array.from({ length: SIDE * SIDE }, (_, pixel) => {
    const [row, column] = [Math.floor(pixel / SIDE), pixel % SIDE];
    const isInside = row >= top && row < top + height && column >= left && column < left + width;
    return (isInside ? 120 : 0) + draw(index, 3 + pixel, 100);
  });
  return { input, target: isTall ? 1 : 0 };
}

const run = train({
  network: network(
    [SIDE, SIDE, 1],
    [conv(8, 3), batchNorm(), relu(), maxPool(2), flatten(), dense(2)],
  ),
  data: source({
    inputShape: [SIDE, SIDE, 1],
    inputType: "uint8",
    training: { length: 2000, classes: ["wide", "tall"], sample: drawBar },
    test: { length: 200, sample: (index) => drawBar(2000 + index) },
    id: "bars, version 1",
  }),
  optimizer: adam({ learningRate: 0.01 }),
  batchSize: 20,
  steps: Number(values.steps),
  evalEvery: 50,
  output: "source.safetensors",
});

for await (const event of run) {
  if (event.event === "data") console.log(event.description);
  if (event.event === "evaluation") console.log(`step ${event.step}: ${event.testAccuracy}`);
}
const result = await run.result;
if (result.ended === "finished") console.log(`test accuracy ${result.testAccuracy}`);
