// Trains on MNIST: node examples/mnist.mjs [--steps 430]
import { parseArgs } from "node:util";
import * as tandem from "tandem";

const { conv, batchNorm, relu, maxPool, flatten, dense } = tandem;
const { values } = parseArgs({ options: { steps: { type: "string", default: "430" } } });

const run = tandem.train({
  network: tandem.network(
    [28, 28, 1],
    [conv(32, 5), batchNorm(), relu(), maxPool(2), flatten(), dense(10)],
  ),
  data: await tandem.idx(),
  optimizer: tandem.adam({ learningRate: tandem.oneCycle(0.01) }),
  ...{ batchSize: 128, steps: Number(values.steps), workers: 2, output: "mnist.safetensors" },
});
for await (const event of run) {
  if (event.event === "evaluation") console.log(event.step, event.testAccuracy);
}
console.log("test accuracy", (await run.result).testAccuracy);
