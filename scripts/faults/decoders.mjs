// All that a peer's bytes go through, on either side, for a small network: what the fuzzer and its finds are run against.
import { cnn } from "../../dist/shared/model/network.js";
import {
  COORDINATOR_FRAME_LIMITS,
  decodeFrame,
  FrameError,
  WORKER_FRAME_LIMITS,
} from "../../dist/shared/protocol/frame.js";
import { parseFromCoordinator, parseFromWorker } from "../../dist/shared/protocol/messages.js";
import {
  readClassifier,
  readEvaluation,
  readFactors,
  readSamples,
  readShardResult,
  readState,
  readUpdate,
  stateTailPlaces,
} from "../../dist/shared/protocol/payload.js";

export const network = cnn({ height: 2, width: 2 }, 3);
/** Samples of the largest shard. */
export const LARGEST = 2;

/** Throws what a decoder should not have thrown. @param {Uint8Array} bytes @returns {"taken" | "refused"} */
export function throughDecoders(bytes) {
  let outcome = /** @type {"taken" | "refused"} */ ("refused");
  for (const { parse, limits } of [
    { parse: parseFromWorker, limits: WORKER_FRAME_LIMITS },
    { parse: parseFromCoordinator, limits: COORDINATOR_FRAME_LIMITS },
  ]) {
    try {
      const frame = decodeFrame(bytes, limits);
      const message = parse(frame);
      const { parts } = frame;
      if (message.type === "result") {
        readShardResult(network, LARGEST, LARGEST, message.loss, new Map(), parts);
      }
      if (message.type === "classifier") readClassifier(network, LARGEST, LARGEST, parts);
      if (message.type === "factors") readFactors(network, LARGEST, LARGEST, parts);
      if (message.type === "evaluated") readEvaluation(network, 2, message.lossSum, parts);
      if (message.type === "update") readUpdate(network, [LARGEST, LARGEST], new Map(), parts);
      if (message.type === "state") {
        const { half } = message;
        stateTailPlaces(network, "weights-only", half, frame.tail, () => undefined);
        readState(network, "weights-only", message, parts);
      }
      if (message.type === "shard" || message.type === "evaluate") {
        readSamples(network.image, network.classCount, message.count, parts);
      }
      outcome = "taken";
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
    }
  }
  return outcome;
}
