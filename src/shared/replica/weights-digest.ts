// A digest of weights and population statistics: replicas whose bits are the same have the same digest.
import { checksumOf } from "../protocol/payloads/state.js";
import type { TrainingReplica } from "./training-replica.js";

/** CRC-32. */
export function weightsDigest(replica: TrainingReplica): number {
  return checksumOf(replica.snapshot("weights-only").map(({ values }) => values));
}
