// The decoders of both sides, for small runs: everything that a peer's bytes pass through. Used by the fuzzer and by the tests of
// its finds. No engine.
import { configText, sampleShapeOf } from "../../dist/shared/config.js";
import {
  COORDINATOR_FRAME_LIMITS,
  decodeFrame,
  FrameError,
  WORKER_FRAME_LIMITS,
} from "../../dist/shared/protocol/frame.js";
import { parseFromCoordinator, parseFromWorker } from "../../dist/shared/protocol/messages.js";
import { readContribution, readMerged } from "../../dist/shared/protocol/payloads/barrier.js";
import { readBucket } from "../../dist/shared/protocol/payloads/bucket.js";
import { readConfig } from "../../dist/shared/protocol/payloads/config.js";
import { readEvaluation } from "../../dist/shared/protocol/payloads/evaluation.js";
import { readFactors } from "../../dist/shared/protocol/payloads/factors.js";
import {
  readEvaluationTask,
  readMoments,
  readMomentsTask,
} from "../../dist/shared/protocol/payloads/moments.js";
import { readSamples } from "../../dist/shared/protocol/payloads/samples.js";
import { readShardResult } from "../../dist/shared/protocol/payloads/shard-result.js";
import { readState, stateTailPlaces } from "../../dist/shared/protocol/payloads/state.js";
import { readSum } from "../../dist/shared/protocol/payloads/sum.js";
import { readUpdate } from "../../dist/shared/protocol/payloads/update.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";
import { ENGINE_NAMES } from "../../dist/shared/engine/engine.js";
import { admitRun, maxMessageBytes } from "../../dist/worker/limits.js";
import { classesConfig, inThreeBuckets, SHARD_SAMPLES, valuesConfig } from "./small-config.mjs";

/** @typedef {import("../../dist/shared/run-layout.js").RunLayout} RunLayout */
/** @typedef {import("../../dist/shared/protocol/frame.js").Frame} Frame */

/** Memory of the simulated worker, which refuses larger networks. */
const MEMORY_BYTES = 4e9;

/** One run per kind of target. */
export const layouts = [classesConfig, valuesConfig].map((config) => {
  return inThreeBuckets(layoutOfRun(config));
});

/** Reads the frame like a coordinator. @param {RunLayout} layout @param {Frame} frame */
function readFromWorker(layout, frame) {
  const message = parseFromWorker(frame);
  const { parts } = frame;
  switch (message.type) {
    case "barrier":
      readContribution(layout, message.barrier, parts);
      return;
    case "gradients":
      (message.summed ? readFactors : readBucket)(layout, message.bucket, SHARD_SAMPLES, parts);
      return;
    case "sum":
      readSum(layout, message.bucket, parts);
      return;
    case "result":
      readShardResult(layout, SHARD_SAMPLES, message.loss, new Map(), parts, message.summed);
      return;
    case "evaluated":
      readEvaluation(layout, SHARD_SAMPLES, message.lossSum, parts);
      return;
    case "measured":
      readMoments(layout, 0, SHARD_SAMPLES, parts);
      return;
    default:
  }
}

/** Reads the frame like a worker. @param {RunLayout} layout @param {Frame} frame */
function readFromCoordinator(layout, frame) {
  const message = parseFromCoordinator(frame);
  const { parts, tail } = frame;
  switch (message.type) {
    case "welcome":
      // Does not depend on the layout, so it is read only once.
      if (layout !== layouts[0]) throw new FrameError("already read");
      readConfiguration(parts);
      return;
    case "state": {
      stateTailPlaces(layout, "weights-only", message.group, tail, () => undefined);
      readState(layout, "weights-only", message, parts);
      return;
    }
    case "merged":
      readMerged(layout, message.barrier, parts);
      return;
    case "factors":
      readFactors(layout, message.bucket, SHARD_SAMPLES, parts);
      return;
    case "update":
      readUpdate(layout, new Map(), parts);
      return;
    case "moments":
      readMomentsTask(layout, message, parts);
      return;
    case "evaluate":
      if (message.population) readEvaluationTask(layout, message.count, parts);
      else readSamples(sampleShapeOf(layout.config), message.count, parts);
      return;
    case "shard":
      readSamples(sampleShapeOf(layout.config), message.count, parts);
      return;
    default:
  }
}

/** Reads the configuration in a welcome, before anything is allocated for the run. @param {Uint8Array[]} parts */
function readConfiguration(parts) {
  const config = readConfig(parts);
  const admission = admitRun(config, { memoryBytes: MEMORY_BYTES, engines: ENGINE_NAMES });
  if (admission.refusal !== undefined) throw new FrameError(admission.refusal.reason);
  maxMessageBytes(admission.layout);
  configText(config);
}

/**
 * Runs the bytes through all decoders.
 * @param {Uint8Array} bytes
 * @returns {"taken" | "refused"}
 * @throws any error of a decoder that is not a FrameError
 */
export function runDecoders(bytes) {
  let outcome = /** @type {"taken" | "refused"} */ ("refused");
  for (const { read, limits } of [
    { read: readFromWorker, limits: WORKER_FRAME_LIMITS },
    { read: readFromCoordinator, limits: COORDINATOR_FRAME_LIMITS },
  ]) {
    for (const layout of layouts) {
      try {
        read(layout, decodeFrame(bytes, limits));
        outcome = "taken";
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
      }
    }
  }
  return outcome;
}
