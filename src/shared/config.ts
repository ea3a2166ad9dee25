// A run's settings. `RunConfig` decides the result and stands in the checkpoint; all else is in the commands' options.
import { z } from "zod";
import type { Dataset, ImageShape } from "./data/dataset.js";
import { shardSizes } from "./data/sampler.js";
import { cnn, type Network } from "./model/network.js";

const count = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Strict, and in the order in which it is written: the same configuration is the same text. */
export const runConfigSchema = z.strictObject({
  model: z.literal("cnn"),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  batchSize: count,
  shards: count,
  learningRate: z.number().positive().max(1e6),
  threads: count.max(1024),
  validationSize: z.number().int().min(0),
  data: z.strictObject({
    height: count.max(1024),
    width: count.max(1024),
    classes: count.max(256),
    digest: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});

/** What the final checkpoint is a function of, together with the number of steps. */
export type RunConfig = z.infer<typeof runConfigSchema>;

export const BROADCASTS = ["weights", "updates"] as const;
export type Broadcast = (typeof BROADCASTS)[number];

/** The data's part in the configuration. */
export function dataConfig(dataset: Dataset): RunConfig["data"] {
  const { height, width } = dataset.image;
  return { height, width, classes: dataset.classCount, digest: dataset.digest };
}

export function imageShape(config: RunConfig): ImageShape {
  return { height: config.data.height, width: config.data.width };
}

export function networkOfRun(config: RunConfig): Network {
  return cnn(imageShape(config), config.data.classes);
}

/** Samples of the run's largest shard, the first. */
export function largestShard(config: RunConfig): number {
  return shardSizes(config.batchSize, config.shards)[0]!;
}

/** The configuration as text, with its keys in the schema's order. */
export function configText(config: RunConfig): string {
  return JSON.stringify(runConfigSchema.parse(config));
}
