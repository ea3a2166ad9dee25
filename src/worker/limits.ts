// What a worker accepts from a coordinator: a configuration it can allocate for, and messages as large as that run needs.
// Pure, but for the machine's memory, which the caller supplies.
import { imageShape, networkOfRun, type RunConfig } from "../shared/config.js";
import { type Network, sizeOf } from "../shared/model/network.js";
import { PIECE_BYTES } from "../shared/model/state-layout.js";
import { maxResultBytes } from "../shared/protocol/payload.js";

const MAX_BATCH_SIZE = 1_000_000;
/** Evaluation batches do not depend on the run's batch size. */
const MAX_EVALUATION_SAMPLES = 1_000;
/** Nothing that is sent before `welcome`, or `welcome` itself, comes near. */
export const MAX_BYTES_BEFORE_WELCOME = 64 * 1024;
/** Headers, padding, and messages that arrive in one read behind another. */
const SLACK_BYTES = 2 ** 20;
/** Weights, gradients, and two of Adam's slots. */
const COPIES_OF_PARAMETERS = 4;

/** @returns why a worker with so much memory cannot take part in the run, or undefined */
export function refusalOf(config: RunConfig, memoryBytes: number): string | undefined {
  const { batchSize, shards } = config;
  if (batchSize > MAX_BATCH_SIZE) {
    return `its batch size of ${batchSize} is more than the ${MAX_BATCH_SIZE} that a worker accepts`;
  }
  if (shards > batchSize) {
    return `its ${shards} shards are more than the ${batchSize} samples of a batch`;
  }
  const neededBytes = COPIES_OF_PARAMETERS * parameterBytes(networkOfRun(config));
  if (neededBytes > memoryBytes) {
    return `its network needs ${inMb(neededBytes)} MB, and this machine has ${inMb(memoryBytes)} MB`;
  }
  return undefined;
}

/** Bytes that may arrive between two whole messages. Large tensors of a state arrive in pieces, which are messages too. */
export function maxMessageBytes(config: RunConfig): number {
  const network = networkOfRun(config);
  const { height, width } = imageShape(config);
  const samples = Math.max(config.batchSize, MAX_EVALUATION_SAMPLES);
  const sampleBytes = samples * (height * width + 1);
  // With small shards an update has the factors of each, with large ones the gradient itself.
  const updateBytes = Math.max(
    maxResultBytes(network, config.batchSize),
    factorBytes(network, config),
  );
  // A state's tensors that are too small for pieces come in one message.
  const smallBytes = COPIES_OF_PARAMETERS * PIECE_BYTES * network.parameters.length;
  return Math.max(sampleBytes, updateBytes, smallBytes) + SLACK_BYTES;
}

function factorBytes(network: Network, config: RunConfig): number {
  let floats = 0;
  for (const { shape } of network.parameters) {
    const [inputs = 0, outputs = 0] = shape;
    const isMatrix = shape.length === 2;
    floats += isMatrix ? config.batchSize * (inputs + outputs) : sizeOf(shape);
  }
  for (const { channels } of network.statistics) floats += 2 * channels * config.shards;
  return 4 * floats;
}

function parameterBytes(network: Network): number {
  return network.parameters.reduce((bytes, { shape }) => bytes + 4 * sizeOf(shape), 0);
}

function inMb(bytes: number): number {
  return Math.round(bytes / 1e6);
}
