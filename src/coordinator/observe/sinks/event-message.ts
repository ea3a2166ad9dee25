// Encodes TensorBoard's messages: Event (tensorflow/core/util/event.proto) containing a Summary
// (tensorflow/core/framework/summary.proto), a graph or a mark. Pure: the time is passed in.
import {
  encodeBytes,
  encodeDouble,
  encodeDoubles,
  encodeFloat,
  encodeInteger,
  encodeMessage,
  encodeText,
} from "../../../shared/protobuf.js";
import type { Histogram } from "./histogram.js";

const EVENT = {
  wallTime: 1,
  step: 2,
  fileVersion: 3,
  graph: 4,
  summary: 5,
  sessionLog: 7,
} as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, scalar: 2, histogram: 5 } as const;
const SESSION_LOG = { status: 1, START: 1 } as const;

export type EventContent =
  /** The first event of a file. */
  | { kind: "version" }
  | { kind: "scalar"; tag: string; value: number }
  | { kind: "histogram"; tag: string; histogram: Histogram }
  /** A serialised GraphDef. */
  | { kind: "graph"; graph: Uint8Array }
  /** Training starts here: TensorBoard drops what it has read of this and later steps. */
  | { kind: "start" };

/** @param timeMs since 1970 */
export function encodeEvent(timeMs: number, step: number, content: EventContent): Uint8Array {
  return Buffer.concat([
    encodeDouble(EVENT.wallTime, timeMs / 1000),
    encodeInteger(EVENT.step, step),
    encodeContent(content),
  ]);
}

function encodeContent(content: EventContent): Uint8Array {
  switch (content.kind) {
    case "version":
      return encodeText(EVENT.fileVersion, "brain.Event:2");
    case "scalar":
      return encodeSummary(content.tag, encodeFloat(VALUE.scalar, content.value));
    case "histogram":
      return encodeSummary(content.tag, encodeHistogram(content.histogram));
    case "graph":
      return encodeBytes(EVENT.graph, content.graph);
    case "start":
      return encodeMessage(EVENT.sessionLog, [
        encodeInteger(SESSION_LOG.status, SESSION_LOG.START),
      ]);
  }
}

function encodeSummary(tag: string, value: Uint8Array): Uint8Array {
  const tagged = encodeMessage(SUMMARY.value, [encodeText(VALUE.tag, tag), value]);
  return encodeMessage(EVENT.summary, [tagged]);
}

/** Fields 1 to 5 of HistogramProto are min, max, num, sum and sum_squares; 6 is the buckets' limits, 7 their counts. */
function encodeHistogram({ min, max, count, sum, sumOfSquares, buckets }: Histogram): Uint8Array {
  const numbers = [min, max, count, sum, sumOfSquares];
  return encodeMessage(VALUE.histogram, [
    ...numbers.map((number, index) => encodeDouble(index + 1, number)),
    encodeDoubles(
      6,
      buckets.map((bucket) => bucket.limit),
    ),
    encodeDoubles(
      7,
      buckets.map((bucket) => bucket.count),
    ),
  ]);
}
