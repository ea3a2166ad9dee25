// What a coordinator knows of a relay that takes part, besides what it knows of any worker. Pure.
import { SummedShards } from "./summed-shards.js";

/** Reports of a relay's capacity between two pings; it sends them at most every `CAPACITY_REPORT_MS`. */
export const REPORTS_PER_PING = 16;
export const CAPACITY_REPORT_MS = 200;

export class RelayPeer {
  /** Tasks that its workers compute at a time. */
  capacity = 0;
  readonly summed: SummedShards;

  constructor(bucketCount: number) {
    this.summed = new SummedShards(bucketCount);
  }
}
