// What a worker accepts from a coordinator: configurations whose memory it can allocate, and messages no larger than the run needs.
// Pure: the caller supplies the machine's memory.
import { type RunConfig, sampleShapeOf } from "../shared/config.js";
import type { EngineName } from "../shared/engine/engine.js";
import { MAX_EVALUATION_SAMPLES } from "../shared/evaluation.js";
import { findLossProblem } from "../shared/graph/loss.js";
import type { RefusalCause } from "../shared/protocol/browser-messages.js";
import { maxAnswerBytes } from "../shared/protocol/payloads/answer-bytes.js";
import { MAX_CONFIG_BYTES } from "../shared/protocol/payloads/config.js";
import { barrierBytes } from "../shared/protocol/payloads/barrier.js";
import { sampleBytes } from "../shared/protocol/payloads/samples.js";
import { statisticsBytes } from "../shared/protocol/payloads/statistics.js";
import { activationBytes, heldSamples, parameterBytes } from "../shared/replica/memory.js";
import {
  CHUNK_BYTES,
  isLarge,
  stateGroup,
  stateGroupCount,
} from "../shared/replica/state-layout.js";
import { sizeOf, trainedStatistics } from "../shared/network/network.js";
import { layoutOfRun, type RunLayout } from "../shared/run-layout.js";
import { TandemError } from "../shared/errors.js";

const MAX_BATCH_SIZE = 1_000_000;
/** For headers, padding, and further messages that arrive in the same read. */
const SLACK_BYTES = 2 ** 20;
/** Limit for everything up to and including `welcome`. */
export const MAX_BYTES_BEFORE_WELCOME = MAX_CONFIG_BYTES + 64 * 1024;
/** Weights, gradients and two optimizer slots. */
const COPIES_OF_PARAMETERS = 4;

/** Why a worker does not take part in a run. */
export interface Refusal {
  cause: RefusalCause;
  reason: string;
}

/** What a machine has for a run. */
export interface Resources {
  memoryBytes: number;
  engines: readonly EngineName[];
  /** False for a relay, which holds the parameters but no activations. */
  computes?: boolean;
}

/** The run's layout if a worker can take part, or why it cannot. */
export type Admission = { layout: RunLayout; refusal?: never } | { refusal: Refusal };

export function admitRun(config: RunConfig, resources: Resources): Admission {
  const { memoryBytes, engines, computes = true } = resources;
  const refuse = (cause: RefusalCause, reason: string) => ({ refusal: { cause, reason } });
  const { batchSize, shards, engine } = config;
  if (!engines.includes(engine.name)) {
    const reason = `its engine is ${engine.name}, which does not run here; start the run with --engine ${engines.join(" or ")}`;
    return refuse("engine", reason);
  }
  if (batchSize > MAX_BATCH_SIZE) {
    const reason = `its batch size of ${batchSize} is more than the ${MAX_BATCH_SIZE} that a worker accepts`;
    return refuse("other", reason);
  }
  if (shards > batchSize) {
    return refuse(
      "other",
      `its ${shards} shards are more than the ${batchSize} samples of a batch`,
    );
  }
  let layout: RunLayout;
  try {
    layout = layoutOfRun(config);
  } catch (error) {
    if (error instanceof TandemError) return refuse("other", error.message);
    throw error;
  }
  const problem = findProblem(layout);
  if (problem !== undefined) return refuse("other", problem);
  const neededBytes = bytesOf(layout, computes);
  if (neededBytes <= memoryBytes) return { layout };
  const reason = `its network needs ${inMb(neededBytes)} MB, and this machine has ${inMb(memoryBytes)} MB`;
  return refuse("memory", reason);
}

function findProblem(layout: RunLayout): string | undefined {
  const lossProblem = findLossProblem(layout.network, layout.config.loss);
  if (lossProblem !== undefined) return lossProblem;
  return doTargetsFit(layout) ? undefined : "its targets do not fit the network's output";
}

/** Lower bound of the memory that a worker needs for the run. */
function bytesOf(layout: RunLayout, computes: boolean): number {
  const { network } = layout;
  const ofActivations = computes ? heldSamples(layout) * activationBytes(network) : 0;
  return COPIES_OF_PARAMETERS * parameterBytes(network) + ofActivations;
}

/** One output per class or value, or a single output for two classes. */
function doTargetsFit({ network, config }: RunLayout): boolean {
  const { loss, data } = config;
  const outputCount = network.outputShape[0];
  const { kind, count } = data.target;
  if (kind === "values") return loss.kind !== "softmax-cross-entropy" && count === outputCount;
  if (loss.kind === "softmax-cross-entropy") return count === outputCount;
  return (
    loss.kind === "binary-cross-entropy" &&
    (count === outputCount || (count === 2 && outputCount === 1))
  );
}

/** Bytes that may arrive between two complete messages. Large tensors of a state arrive in chunks, which are messages too. */
export function maxMessageBytes(layout: RunLayout): number {
  const samples = Math.max(layout.largestShard, MAX_EVALUATION_SAMPLES);
  const ofSamples =
    sampleBytes(sampleShapeOf(layout.config), samples) +
    statisticsBytes(trainedStatistics(layout.network));
  const ofBarrier = Math.max(0, ...layout.barriers.map(barrierBytes));
  return Math.max(ofSamples, updateBytes(layout), stateBytes(layout), ofBarrier) + SLACK_BYTES;
}

/**
 * Bytes of answers that may be queued while the coordinator does not read. A worker may hold all shards of a step, and answer them
 * together after the last barrier; a relay sends twice as much, as it also sends sums. The limit is lower on a small machine, but
 * always allows two answers.
 */
export function maxUnsentBytes(
  layout: RunLayout,
  { memoryBytes }: Pick<Resources, "memoryBytes">,
): number {
  const answerBytes = maxAnswerBytes(layout) + SLACK_BYTES;
  const ofStep = 2 * (layout.shardSizes.length + 1) * answerBytes;
  return Math.max(2 * answerBytes, Math.min(ofStep, memoryBytes / 4));
}

/** An update has either the factors of all shards or the gradient itself. */
function updateBytes({ network, config, factored }: RunLayout): number {
  let floats = 0;
  for (const { name, shape } of network.parameters) {
    const [inputs = 0, outputs = 0] = shape;
    floats += factored.has(name) ? config.batchSize * (inputs + outputs) : sizeOf(shape);
  }
  for (const { channels } of network.statistics) floats += 2 * channels;
  return 4 * floats;
}

/** Tensors of a state that are too small for chunks are sent in one message. */
function stateBytes(layout: RunLayout): number {
  const groups = Array.from({ length: stateGroupCount(layout) }, (_, group) =>
    stateGroup(layout, "with-slots", group)
      .filter((tensor) => !isLarge(tensor))
      .reduce((bytes, { shape }) => bytes + 4 * sizeOf(shape), 0),
  );
  return Math.max(CHUNK_BYTES, ...groups);
}

function inMb(bytes: number): number {
  return Math.round(bytes / 1e6);
}
