// The protocol in one place. A worker connects and says hello; the coordinator answers with the run's configuration
// (welcome); the worker loads TensorFlow and says ready; the coordinator sends the state and from then on tasks, and after
// each step the new weights (state) or what makes them (update). Each task gets one answer. At the end: end.
// What is in a message's parts is told in payload.ts, how the bytes lie in frame.ts.
import { z } from "zod";
import { BROADCASTS, runConfigSchema } from "../config.js";
import { HALVES } from "../model/network.js";
import { sanitizeText } from "../text.js";
import { type Frame, FrameError, MAX_LISTED_SHARDS } from "./frame.js";

/** Raised whenever one side could misread the other. */
export const PROTOCOL_VERSION = 4;

export const MAX_NAME_LENGTH = 64;

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Milliseconds of a clock that runs for 30,000 years. */
const time = z.number().min(-1e15).max(1e15);

/** When a worker computed a task, in milliseconds of its own clock, whose zero is its own affair. */
const computed = z
  .strictObject({ from: time, to: time })
  .refine(({ from, to }) => from <= to, { message: "ends before it begins" });

const fromWorker = z.discriminatedUnion("type", [
  /** First thing on a connection. */
  z.strictObject({
    type: z.literal("hello"),
    protocol: whole,
    name: z.string().max(MAX_NAME_LENGTH),
  }),
  /** TensorFlow is loaded with the run's threads; tasks may come. */
  z.strictObject({ type: z.literal("ready") }),
  /**
   * The first half of an answer to `shard`: the classifier's gradients, sent while the features are still gone back through.
   * Parts: those.
   */
  z.strictObject({
    type: z.literal("classifier"),
    task: whole,
    step: whole,
    shard: whole,
  }),
  /** Second half of the answer. Parts: the features' gradients and the moments. */
  z.strictObject({
    type: z.literal("result"),
    task: whole,
    step: whole,
    shard: whole,
    loss: z.number(),
    computed,
  }),
  /** Answer to `evaluate`. Part: the classes taken. */
  z.strictObject({
    type: z.literal("evaluated"),
    task: whole,
    lossSum: z.number(),
    computed,
  }),
  /** Answer to an `update` that asks for it: CRC-32 of the weights that the worker has come to. */
  z.strictObject({ type: z.literal("digest"), step: whole, weights: whole }),
  /** The worker was told to end; it has answered its tasks and takes no more. */
  z.strictObject({ type: z.literal("goodbye") }),
]);

const fromCoordinator = z.discriminatedUnion("type", [
  /** Answer to `hello`. */
  z.strictObject({
    type: z.literal("welcome"),
    protocol: whole,
    name: z.string(),
    config: runConfigSchema,
    broadcast: z.enum(BROADCASTS),
  }),
  /**
   * A half of the network's state: after `ready`, after each step with `--broadcast weights`, and when a worker has fallen
   * behind. The classifier's comes first, maybe while the step before is not over: the features' makes the state whole.
   */
  z.strictObject({
    type: z.literal("state"),
    step: whole,
    half: z.enum(HALVES),
    tailChecksum: whole,
  }),
  /**
   * With `--broadcast updates`, after each step: what leads from `step` − 1 to `step`. The factors of the shards in `own`
   * and `relayed` are left out: the worker has them, as it was its own results that were taken, or those it was sent.
   */
  z.strictObject({
    type: z.literal("update"),
    step: whole,
    own: z.array(whole).max(MAX_LISTED_SHARDS),
    relayed: z.array(whole).max(MAX_LISTED_SHARDS),
    wantsDigest: z.boolean(),
  }),
  /** With `--broadcast updates`: the factors of another worker's shard of `step`, passed on as soon as they were there. */
  z.strictObject({
    type: z.literal("factors"),
    step: whole,
    shard: whole,
  }),
  /** Compute one shard's gradients and moments. Parts: pixels, labels. */
  z.strictObject({
    type: z.literal("shard"),
    task: whole,
    step: whole,
    shard: whole,
    count: whole,
  }),
  /** Infer one piece of a data set. Parts: pixels, labels. */
  z.strictObject({
    type: z.literal("evaluate"),
    task: whole,
    step: whole,
    count: whole,
  }),
  /** The run is over, by success or not; the worker ends. */
  z.strictObject({ type: z.literal("end"), reason: z.enum(["finished", "interrupted", "failed"]) }),
]);

export type FromWorker = z.infer<typeof fromWorker>;
export type FromCoordinator = z.infer<typeof fromCoordinator>;

const MAX_REASON_LENGTH = 120;

function parseHeader<T>(schema: z.ZodType<T>, { header }: Pick<Frame, "header">): T {
  const result = schema.safeParse(header);
  if (result.success) return result.data;
  throw new FrameError(describeIssue(result.error.issues[0]));
}

/**
 * What is wrong with a message, for logs, terminals and the close frame. In words of this file and of the schemas only: the
 * messages of zod repeat keys and values, which the peer chose.
 */
export function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  const path = (issue?.path ?? []).map((key) => (isPlainKey(key) ? String(key) : "?")).join(".");
  return sanitizeText(`${path || "message"}: ${faultOf(issue)}`, MAX_REASON_LENGTH);
}

/** Fields of the schemas, and places in lists. A key of a record, were there one, would be the peer's own. */
function isPlainKey(key: PropertyKey): boolean {
  return typeof key === "number" || (typeof key === "string" && /^[a-z]\w{0,31}$/i.test(key));
}

function faultOf(issue: z.core.$ZodIssue | undefined): string {
  if (!issue) return "invalid";
  switch (issue.code) {
    case "invalid_type":
      return `expected ${issue.expected}`;
    case "too_small":
      return `less than ${issue.minimum}`;
    case "too_big":
      return `more than ${issue.maximum}`;
    case "invalid_value":
      return `expected one of ${issue.values.map(String).join(", ")}`;
    case "unrecognized_keys":
      return "unknown fields";
    case "invalid_union":
      return "unknown kind";
    case "custom":
      // A refinement's own text, from its schema.
      return issue.message;
    case "invalid_format":
    case "invalid_key":
    case "invalid_element":
    case "not_multiple_of":
      return "invalid";
    default:
      issue satisfies never;
      return "invalid";
  }
}

/** @throws FrameError where the header is not a worker's message */
export function parseFromWorker(frame: Pick<Frame, "header">): FromWorker {
  return parseHeader(fromWorker, frame);
}

/** @throws FrameError where the header is not a coordinator's message */
export function parseFromCoordinator(frame: Pick<Frame, "header">): FromCoordinator {
  return parseHeader(fromCoordinator, frame);
}
