// A process that trains the runs it receives, one after the other, using the library. Its parent starts one per core.
import { join } from "node:path";
import { adam, idx, TandemError, train } from "../../dist/index.js";
import { temporaryFolder } from "../faults/temporary-folder.mjs";
import { BATCH_SIZE } from "./grid.mjs";
import { variantOf } from "./networks.mjs";

/** @typedef {import("./grid.mjs").Run} Run */
/** @typedef {import("./results.mjs").Outcome} Outcome */

const MNIST_IMAGES = 60_000;
const folder = temporaryFolder("tandem-experiments-");

/** @type {Map<number, ReturnType<typeof idx>>} by number of training images */
const loaded = new Map();

/** @param {number} trainingImages */
function mnistWith(trainingImages) {
  const data =
    loaded.get(trainingImages) ?? idx(undefined, { validationSize: MNIST_IMAGES - trainingImages });
  loaded.set(trainingImages, data);
  return data;
}

/** @param {Run} run @returns {Promise<Outcome>} */
async function carryOut(run) {
  const training = train({
    network: variantOf(run.network, run.deviation, run.dropout),
    data: await mnistWith(run.trainingImages),
    optimizer: adam({ learningRate: run.learningRate }),
    // For evaluations during a run, statistics must not lag behind.
    population: "ema-corrected",
    batchNorm: run.batchNorm,
    ...{ batchSize: BATCH_SIZE, shards: run.shards, steps: run.steps, seed: run.seed },
    ...{ evalEvery: run.evalEvery, checkpointEvery: 0, threads: 1 },
    output: join(folder, "checkpoint.safetensors"),
  });
  /** @type {Outcome} */
  const outcome = { ended: "finished", engine: "", evaluations: [] };
  try {
    for await (const event of training) {
      if (event.event === "start") outcome.engine = event.config.engine.name;
      if (event.event !== "evaluation" && event.event !== "end") continue;
      const { step, testAccuracy = NaN, testLoss } = event;
      const trainAccuracy = event.event === "end" ? undefined : event.trainAccuracy;
      outcome.evaluations.push({ step, trainAccuracy, testAccuracy, testLoss });
    }
  } catch (error) {
    if (!(error instanceof TandemError) || error.code !== "diverged") throw error;
    outcome.ended = "diverged";
  }
  return outcome;
}

process.on("message", (run) => {
  carryOut(/** @type {Run} */ (run)).then(
    (outcome) => process.send?.({ outcome }),
    (error) => process.send?.({ failure: String(error?.stack ?? error) }),
  );
});
// The parent is gone.
process.on("disconnect", () => process.exit(1));
