// Regression on a generated table: node examples/table.mjs [--steps 400]
import { parseArgs } from "node:util";
import { adamw, arrays, cosine, dense, huber, network, relu, train } from "tandem";

const { values } = parseArgs({ options: { steps: { type: "string", default: "400" } } });

/** Generates numbers from 0 to 1 (Park and Miller, 1988), so that every run has the same table. */
let state = 1;
const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;

/** Six columns, one of them useless, and a price that depends on the others non-linearly. */
function makeTable(rows) {
  const inputs = new Float32Array(6 * rows);
  const targets = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const columns = Array.from({ length: 6 }, () => 2 * random() - 1);
    inputs.set(columns, 6 * row);
    const [area, age, floor, distance, light] = columns;
    targets[row] = 2 * area - age * age + floor * light - Math.abs(distance) + 0.1 * random();
  }
  return { inputs, targets };
}

const run = train({
  network: network([6], [dense(64), relu(), dense(64), relu(), dense(1)]),
  data: arrays({ inputShape: [6], ...makeTable(4000), test: makeTable(500) }),
  optimizer: adamw({ learningRate: cosine(0.003, { warmup: 0.1 }), clipNorm: 1 }),
  loss: huber(),
  batchSize: 64,
  steps: Number(values.steps),
  output: "table.safetensors",
});
for await (const event of run) {
  if (event.event === "evaluation") {
    console.log(
      `step ${event.step}, training loss ${event.trainLoss}, test loss ${event.testLoss}`,
    );
  }
}
console.log("test loss", (await run.result).testLoss);
