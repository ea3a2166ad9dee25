// All messages of the protocol. A worker connects and sends `hello`; the coordinator answers `welcome`, with the run's
// configuration; the worker loads its engine and sends `ready`; the coordinator sends the state and then tasks, and after each
// step the new weights (`state`) or what the worker needs to compute them (`update`). Each task gets one answer. The last
// message is `end`. A relay is a worker to its coordinator, and a coordinator to its workers.
// The parts of each message are defined in payloads/, the byte format in frame.ts.
import * as z from "zod";
import { BROADCASTS } from "../config.js";
import { sanitizeText } from "../text.js";
import { type Frame, FrameError, MAX_LISTED_SHARDS } from "./frame.js";

/** Increased with each change after which one side could misread the other. */
export const PROTOCOL_VERSION = 8;

export const MAX_NAME_LENGTH = 64;

/** What a worker runs in, or `relay` if it has workers of its own. */
export const WORKER_KINDS = ["node", "browser", "relay"] as const;
export type WorkerKind = (typeof WORKER_KINDS)[number];

/** The most tasks that a relay may request at a time. */
export const MAX_CAPACITY = 65_536;

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Milliseconds of a clock that runs for 30,000 years. */
const time = z.number().min(-1e15).max(1e15);

/**
 * When a worker computed a task, in milliseconds of its own clock, whose zero is arbitrary. `waited`: how much of that time the
 * shard waited at barriers.
 */
const computed = z
  .strictObject({ from: time, to: time, waited: time.min(0).optional() })
  .refine(({ from, to }) => from <= to, { message: "ends before it begins" });

const fromWorker = z.discriminatedUnion("type", [
  /** The first message on a connection. */
  z.strictObject({
    type: z.literal("hello"),
    protocol: whole,
    name: z.string().max(MAX_NAME_LENGTH),
    kind: z.enum(WORKER_KINDS),
  }),
  /** The engine is loaded; tasks may be sent. `numerics`: the fingerprint of its results on the run's probe. */
  z.strictObject({ type: z.literal("ready"), numerics: z.string().regex(/^[0-9a-f]{64}$/) }),
  /**
   * With synchronised batch normalisation: the shard has reached a barrier (statistics/barrier.ts), and waits for `merged`.
   * Part: its contribution. Barriers are sent in order, all before `result`.
   */
  z.strictObject({
    type: z.literal("barrier"),
    task: whole,
    step: whole,
    shard: whole,
    barrier: whole,
  }),
  /**
   * A part of the answer to `shard`: the gradients of one bucket, sent while those of earlier layers are still being computed.
   * Buckets are sent in order, the last one with `result`. `summed`, from relays: this message has only the factored gradients;
   * the dense ones are part of a `sum`.
   */
  z.strictObject({
    type: z.literal("gradients"),
    task: whole,
    step: whole,
    shard: whole,
    bucket: whole,
    summed: z.literal(true).optional(),
  }),
  /** The rest of the answer to `shard`. Parts: the last bucket's gradients, and the moments. `summed`: as in `gradients`. */
  z.strictObject({
    type: z.literal("result"),
    task: whole,
    step: whole,
    shard: whole,
    loss: z.number(),
    computed,
    summed: z.literal(true).optional(),
  }),
  /**
   * From a relay: the dense gradients of a bucket, summed over the shards `from` … `from` + `count` − 1, a complete subtree of
   * the fixed tree (statistics/tree.ts): `count` is a power of two, and `from` a multiple of it. Sent before the `result` of
   * each of these shards. Parts: the sums.
   */
  z.strictObject({
    type: z.literal("sum"),
    step: whole,
    bucket: whole,
    from: whole,
    count: whole.min(1),
  }),
  /** From a relay, whenever it changes: how many tasks its workers can compute at a time. 0 until the first such message. */
  z.strictObject({ type: z.literal("capacity"), tasks: whole.max(MAX_CAPACITY) }),
  /** From a relay: it no longer has a worker for the task. */
  z.strictObject({ type: z.literal("returned"), task: whole }),
  /**
   * From a relay: a worker answered the task with numbers that are not finite, or too large. The relay cannot know whether the
   * worker is at fault or the training diverges.
   */
  z.strictObject({ type: z.literal("unusable"), task: whole }),
  /** From a relay with `--broadcast updates`: a worker has joined it that needs the complete state. */
  z.strictObject({ type: z.literal("state-request") }),
  /** Answer to `evaluate`. Part: the predictions. */
  z.strictObject({
    type: z.literal("evaluated"),
    task: whole,
    lossSum: z.number(),
    computed,
  }),
  /** Answer to `moments`. Parts: mean and variance of the input of each layer of the pass. */
  z.strictObject({ type: z.literal("measured"), task: whole, computed }),
  /** Answer to an `update` with `wantsDigest`: CRC-32 of the worker's weights after that step. */
  z.strictObject({ type: z.literal("digest"), step: whole, weights: whole }),
  /** The worker is about to leave: it has answered its tasks and takes no more. */
  z.strictObject({ type: z.literal("goodbye") }),
]);

const fromCoordinator = z.discriminatedUnion("type", [
  /** Answer to `hello`. Part: the run's configuration as JSON (`configText`). */
  z.strictObject({
    type: z.literal("welcome"),
    protocol: whole,
    name: z.string(),
    broadcast: z.enum(BROADCASTS),
  }),
  /**
   * A group of the state's tensors: all groups after `ready` and when a worker has fallen behind; those of the gradient
   * buckets after each step with `--broadcast weights`. Groups are sent in order (state-layout.ts), the first ones possibly
   * while the previous step is still being computed; the last bucket's group completes the state.
   */
  z.strictObject({
    type: z.literal("state"),
    step: whole,
    group: whole,
    tailChecksum: whole,
  }),
  /**
   * With `--broadcast updates`, after each step: what a replica needs to go from `step` − 1 to `step`. The factors of the
   * shards in `own` and `relayed` are omitted: the worker computed them itself, or was sent them in `factors`.
   */
  z.strictObject({
    type: z.literal("update"),
    step: whole,
    own: z.array(whole).max(MAX_LISTED_SHARDS),
    relayed: z.array(whole).max(MAX_LISTED_SHARDS),
    wantsDigest: z.boolean(),
  }),
  /** With `--broadcast updates`: the factors of a bucket of another worker's shard of `step`, relayed as soon as they arrive. */
  z.strictObject({
    type: z.literal("factors"),
    step: whole,
    shard: whole,
    bucket: whole,
  }),
  /** Compute one shard's gradients and moments. Parts: inputs, targets. `first`: position of its first sample in the batch. */
  z.strictObject({
    type: z.literal("shard"),
    task: whole,
    step: whole,
    shard: whole,
    first: whole,
    count: whole,
  }),
  /**
   * The merged values of a barrier, with which all shards of the step continue. Sent to each worker whose shards wait there, and
   * to one that is assigned a shard later, before that shard. Barriers are sent in order. Part: the merged values.
   */
  z.strictObject({ type: z.literal("merged"), step: whole, barrier: whole }),
  /**
   * Evaluate one batch of samples. Parts: inputs, targets; with `population` also the mean and variance of each trainable
   * batch-norm layer, to be used in place of the replica's own.
   */
  z.strictObject({
    type: z.literal("evaluate"),
    task: whole,
    step: whole,
    count: whole,
    population: z.literal(true).optional(),
  }),
  /**
   * Run inference on one batch of the training set up to the batch-norm layers of a pass (statistics/population-passes.ts), and
   * compute the moments of their inputs. Parts: inputs, targets; then mean and variance of each layer of the earlier passes, to
   * be used in place of the replica's own.
   */
  z.strictObject({
    type: z.literal("moments"),
    task: whole,
    step: whole,
    pass: whole,
    count: whole,
  }),
  /** To a relay: another worker has answered the task, so it need not be computed. */
  z.strictObject({ type: z.literal("cancel"), task: whole }),
  /**
   * To a relay, after an `update` with `wantsDigest`: the coordinator's own digest, to compare those of the relay's workers
   * with.
   */
  z.strictObject({ type: z.literal("digest"), step: whole, weights: whole }),
  /** Sent with each ping to workers in browsers, because the browser answers pings itself and hides them from scripts. */
  z.strictObject({ type: z.literal("alive") }),
  /** The run is over, successfully or not; the worker ends. */
  z.strictObject({ type: z.literal("end"), reason: z.enum(["finished", "interrupted", "failed"]) }),
]);

export type FromWorker = z.infer<typeof fromWorker>;
export type FromCoordinator = z.infer<typeof fromCoordinator>;
/** Messages that only relays send. */
export type FromRelay = FromWorker & {
  type: "sum" | "capacity" | "returned" | "unusable" | "state-request";
};
/** Messages that only relays are sent. */
export type ToRelay = FromCoordinator & { type: "cancel" | "digest" };

const MAX_REASON_LENGTH = 120;

function parseHeader<T>(schema: z.ZodType<T>, { header }: Pick<Frame, "header">): T {
  const result = schema.safeParse(header);
  if (result.success) return result.data;
  throw new FrameError(describeIssue(result.error.issues[0]));
}

/**
 * What is wrong with a message, for logs, terminals and the close frame. Uses no text of the peer's: zod's own messages would
 * repeat keys and values that the peer chose.
 */
export function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  const path = (issue?.path ?? []).map((key) => (isPlainKey(key) ? String(key) : "?")).join(".");
  return sanitizeText(`${path || "message"}: ${faultOf(issue)}`, MAX_REASON_LENGTH);
}

/** A field of a schema or an index. (The schemas have no records, whose keys the peer would choose.) */
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
      // From a `refine` in the schema.
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

/** @throws FrameError if the header is not a worker's message */
export function parseFromWorker(frame: Pick<Frame, "header">): FromWorker {
  return parseHeader(fromWorker, frame);
}

/** @throws FrameError if the header is not a coordinator's message */
export function parseFromCoordinator(frame: Pick<Frame, "header">): FromCoordinator {
  return parseHeader(fromCoordinator, frame);
}
