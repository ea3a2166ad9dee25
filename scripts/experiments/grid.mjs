// What is trained, as data: each experiment is a list of runs, and each run is a configuration and a seed. If two experiments
// need the same run, it is trained for each of them.

/**
 * @typedef {object} Run
 * @property {string} experiment
 * @property {import("../../dist/index.js").PresetName} network
 * @property {number} deviation σ of the initial weights
 * @property {number} learningRate of Adam, constant
 * @property {number} dropout rate; 0: none
 * @property {"ghost" | "sync"} batchNorm
 * @property {number} shards of a batch of `BATCH_SIZE`
 * @property {number} trainingImages
 * @property {number} steps
 * @property {number} evalEvery steps between evaluations on the whole test set; 0: only at the end
 * @property {number} seed
 */

/** @typedef {Omit<Run, "experiment" | "seed">} Setting */

/** As in the reference run. */
export const BATCH_SIZE = 50;
export const RATES = [1e-4, 1e-3, 1e-2, 1e-1];
export const DEVIATIONS = [0.01, 0.1, 1];
export const SHARDS = [1, 2, 5, 10, 25];
/** MNIST's 60,000 without the 5,000 for validation, and a set that the network can memorize. */
export const ALL_IMAGES = 55_000;
export const FEW_IMAGES = 5_000;

const CNN_STEPS = 300;
/** A step of these networks takes a tenth of the time. */
const SIGMOID_STEPS = 2_000;

/** @type {Setting} */
const REFERENCE = {
  network: "cnn",
  deviation: 0.1,
  learningRate: 1e-3,
  dropout: 0,
  batchNorm: "ghost",
  shards: 1,
  trainingImages: ALL_IMAGES,
  steps: CNN_STEPS,
  evalEvery: 0,
};

/** @type {readonly ["cnn", "cnn-plain", "sigmoid", "sigmoid-plain"]} */
const NETWORKS = ["cnn", "cnn-plain", "sigmoid", "sigmoid-plain"];

/** @param {string} network */
const isConvolutional = (network) => network.startsWith("cnn");

/** Learning rates and initial weights: which combinations train at all and how well, in the same number of steps. */
function rateSettings() {
  return NETWORKS.flatMap((network) =>
    DEVIATIONS.flatMap((deviation) =>
      RATES.map((learningRate) => {
        const steps = isConvolutional(network) ? CNN_STEPS : SIGMOID_STEPS;
        return { ...REFERENCE, network, deviation, learningRate, steps };
      }),
    ),
  );
}

/** Dropout instead of batch normalisation, together with it, and neither, on many images and on few. */
function dropoutSettings() {
  return [ALL_IMAGES, FEW_IMAGES].flatMap((trainingImages) =>
    /** @type {const} */ (["cnn-plain", "cnn"]).flatMap((network) =>
      [0, 0.5].map((dropout) => ({ ...REFERENCE, network, dropout, trainingImages, steps: 1_000 })),
    ),
  );
}

/** How many steps are needed for an accuracy, by learning rate. */
function stepSettings() {
  return NETWORKS.flatMap((network) => {
    const isCnn = isConvolutional(network);
    const length = isCnn ? { steps: 600, evalEvery: 50 } : { steps: 6_000, evalEvery: 100 };
    return RATES.slice(0, 3).map((learningRate) => ({
      ...REFERENCE,
      network,
      learningRate,
      ...length,
    }));
  });
}

/** Shards of 50 to 2 samples, each normalised with its own moments or with those of the batch. */
function ghostSettings() {
  return SHARDS.flatMap((shards) =>
    /** @type {const} */ (["ghost", "sync"]).map((batchNorm) => ({
      ...REFERENCE,
      shards,
      batchNorm,
    })),
  );
}

/** @type {Record<string, () => Setting[]>} */
const SETTINGS = {
  rates: rateSettings,
  dropout: dropoutSettings,
  steps: stepSettings,
  ghost: ghostSettings,
};

export const EXPERIMENTS = Object.keys(SETTINGS);

const SEEDS = 3;
const QUICK_DIVISOR = 10;

/**
 * The runs of an experiment. All settings come with one seed before the next seed, so that a part of the runs is already useful.
 * @param {string} experiment
 * @param {boolean} isQuick a tenth of the steps, and one seed
 * @returns {Run[]}
 */
export function runsOf(experiment, isQuick) {
  const settings = SETTINGS[experiment]?.() ?? [];
  const seeds = Array.from({ length: isQuick ? 1 : SEEDS }, (_, seed) => seed);
  return seeds.flatMap((seed) =>
    settings.map((setting) => ({ ...(isQuick ? shorten(setting) : setting), experiment, seed })),
  );
}

/** @param {Setting} setting @returns {Setting} */
function shorten(setting) {
  const steps = setting.steps / QUICK_DIVISOR;
  // A tenth of the steps with half as many evaluations.
  const evalEvery = setting.evalEvery / (QUICK_DIVISOR / 2);
  return { ...setting, steps, evalEvery };
}
