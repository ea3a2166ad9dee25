// Real runs of every kind that the page shows, each on its own port, for screenshots and tests.
import {
  adam,
  arrays,
  batchNorm,
  conv,
  dense,
  flatten,
  globalAveragePool,
  meanSquaredError,
  network,
  relu,
  train,
} from "../../dist/index.js";
import {
  HOMES_INPUTS,
  HOMES_TABLE,
  makeHomes,
  makeRatedHomes,
  makeShapes,
  makeWaves,
  nameShapes,
  RATINGS,
  rentOnly,
  SHAPES,
  SHAPES_INPUT,
  WAVES,
  WAVES_INPUT,
} from "./data.mjs";

const block = (/** @type {number} */ filters, /** @type {number} */ strides) => [
  conv(filters, 3, { strides, useBias: false }),
  batchNorm(),
  relu(),
];

const shapesNetwork = (/** @type {number} */ classes) =>
  network(/** @type {[number, number, number]} */ (SHAPES_INPUT), [
    ...block(16, 2),
    ...block(32, 2),
    ...block(32, 1),
    globalAveragePool(),
    dense(classes),
  ]);

const tableNetwork = (/** @type {number} */ outputs) =>
  network([HOMES_INPUTS], [dense(48), batchNorm(), relu(), dense(48), relu(), dense(outputs)]);

const homes = (/** @type {number} */ outputs) => {
  const make = (/** @type {number} */ count, /** @type {number} */ seed) => {
    const made = makeHomes(count, seed);
    return outputs === 1 ? rentOnly(made) : made;
  };
  const data = arrays({
    inputShape: [HOMES_INPUTS],
    targetSize: outputs,
    ...make(3000, 1),
    test: make(600, 2),
  });
  return { ...data, table: outputs === 1 ? HOMES_TABLE : { ...HOMES_TABLE, label: "costs" } };
};

/** @type {Record<string, () => Pick<import("../../dist/index.js").TrainOptions, "network" | "data" | "loss">>} */
const KINDS = {
  pictures: () => ({
    network: shapesNetwork(SHAPES.length),
    data: arrays({
      inputShape: SHAPES_INPUT,
      ...makeShapes(1600, 1),
      test: makeShapes(400, 2),
      classNames: SHAPES,
    }),
  }),
  "many-classes": () => ({
    network: shapesNetwork(120),
    data: arrays({
      inputShape: SHAPES_INPUT,
      ...makeShapes(2400, 1, 120),
      test: makeShapes(600, 2, 120),
      classNames: nameShapes(120),
    }),
  }),
  "float-images": () => ({
    network: network(/** @type {[number, number, number]} */ (WAVES_INPUT), [
      ...block(8, 1),
      flatten(),
      dense(WAVES.length),
    ]),
    data: arrays({
      inputShape: WAVES_INPUT,
      ...makeWaves(900, 1),
      test: makeWaves(300, 2),
      classNames: WAVES,
    }),
  }),
  table: () => ({
    network: tableNetwork(RATINGS.length),
    data: {
      ...arrays({
        inputShape: [HOMES_INPUTS],
        ...makeRatedHomes(3000, 1),
        test: makeRatedHomes(600, 2),
        classNames: RATINGS,
      }),
      table: { ...HOMES_TABLE, label: "rating" },
    },
  }),
  regression: () => ({ network: tableNetwork(1), data: homes(1), loss: meanSquaredError() }),
  "several-values": () => ({
    network: tableNetwork(2),
    data: homes(2),
    loss: meanSquaredError(),
  }),
};

export const SHOWCASES = Object.keys(KINDS);

/**
 * @param {string} kind one of SHOWCASES
 * @param {{ steps: number, output: string, summaryDir?: string, evalEvery?: number, learningRate?: number, computesHere?: boolean }} options
 * `computesHere`: false if the run should wait for workers
 * @returns {Promise<{ url: string, stop: () => Promise<void>, stepDone: (step: number) => Promise<void> }>} the page's address,
 * once it answers
 */
export async function startShowcase(kind, options) {
  const { steps, output, summaryDir, evalEvery = 20, learningRate = 0.01 } = options;
  const { computesHere = true } = options;
  const made = KINDS[kind];
  if (!made) throw new Error(`no kind of run is called ${kind}`);
  const abort = new AbortController();
  /** @type {(() => void)[]} */
  const changed = [];
  /** @type {string | undefined} */
  let url;
  let done = -1;
  const run = train({
    ...made(),
    optimizer: adam({ learningRate }),
    batchSize: 48,
    shards: 3,
    steps,
    evalEvery,
    checkpointEvery: 0,
    engine: "wasm",
    output,
    ...(summaryDir === undefined ? {} : { summaryDir }),
    listen: { host: "127.0.0.1", port: 0 },
    coordinatorComputes: computesHere,
    signal: abort.signal,
    onEvent: (event) => {
      if (event.event === "listening") url = event.urls[0]?.replace("ws:", "http:");
      if (event.event === "step") done = event.step;
      for (const check of changed) check();
    },
  });
  /** @param {() => boolean} isSo */
  const until = (isSo) =>
    Promise.race([
      new Promise((/** @type {(nothing: void) => void} */ resolve) => {
        const check = () => isSo() && resolve();
        changed.push(check);
        check();
      }),
      run.result.then(() => undefined),
    ]);
  await until(() => url !== undefined);
  return {
    url: url ?? "",
    stepDone: (step) => until(() => done >= step),
    stop: async () => {
      abort.abort();
      await run.result;
    },
  };
}
