// Runs a checkpoint's network on files, for the command line and the library.
import { statSync } from "node:fs";
import { chooseEvaluationEngine } from "../run/evaluation-engine.js";
import { restoreReplica } from "../run/restored-replica.js";
import { type Checkpoint, readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import type { Samples } from "../shared/data/samples.js";
import type { EngineName } from "../shared/engine/engine.js";
import { predictSamples } from "../shared/replica/inference.js";
import type { Replica } from "../shared/replica/replica.js";
import { findFiles } from "./find-files.js";
import { interpretOutputs, type Prediction } from "./prediction.js";
import { readSamples, type ReadOptions } from "./read-samples.js";
import type { SampleInput } from "./sample-input.js";

export interface PredictOptions extends Partial<ReadOptions> {
  /** Default: the checkpoint's engine, or wasm if that is not installed. */
  engine?: EngineName | undefined;
  /** Called before each group of files is read. */
  onProgress?: (fileIndex: number, fileCount: number) => void;
  /** Called with a sentence if an engine other than the checkpoint's is used. */
  onNote?: (sentence: string) => void;
}

/** Limits on a group of files that are read at the same time: their number, and their total size unless it is a single file. */
const FILES_AT_ONCE = 16;
const BYTES_AT_ONCE = 2 ** 25;
/** Samples per inference. */
const BATCH_SIZE = 250;

/**
 * Yields predictions in the order of the files, each as soon as it is computed.
 * @throws TandemError before the first prediction if the checkpoint or a path is wrong; later, naming the first unreadable file
 */
export async function* predictFiles(
  checkpointFile: string,
  paths: readonly string[],
  options: PredictOptions = {},
): AsyncGenerator<Prediction> {
  const checkpoint = readCheckpoint(checkpointFile);
  const files = findFiles(paths);
  const { engine, note } = chooseEvaluationEngine(checkpoint.config, options.engine);
  if (note !== undefined) options.onNote?.(note);
  const replica = restoreReplica(checkpoint, engine);
  try {
    for (let from = 0; from < files.length;) {
      options.onProgress?.(from, files.length);
      const group = files.slice(from, from + countTogether(files, from));
      yield* predictGroup(checkpoint, replica, group, options);
      from += group.length;
    }
  } finally {
    replica.dispose();
  }
}

/** How many files, starting with this one, are read at the same time: at least one. */
function countTogether(files: readonly string[], from: number): number {
  let [count, bytes] = [0, 0];
  for (const file of files.slice(from, from + FILES_AT_ONCE)) {
    // A file that has disappeared is refused when it is read.
    bytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (count > 0 && bytes > BYTES_AT_ONCE) break;
    count++;
  }
  return count;
}

/** The files before an unreadable one are still predicted. */
async function* predictGroup(
  checkpoint: Checkpoint,
  replica: Replica,
  files: readonly string[],
  { invert = false, label }: PredictOptions,
): AsyncGenerator<Prediction> {
  const { network, data } = checkpoint.config;
  const kind = { shape: network.inputShape, type: data.inputType, table: data.table };
  const results = await Promise.allSettled(
    files.map((file) => readSamples(file, kind, { invert, label })),
  );
  const failed = results.findIndex(({ status }) => status === "rejected");
  const read = failed < 0 ? results : results.slice(0, failed);
  const samples = read.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  for (let from = 0; from < samples.length; from += BATCH_SIZE) {
    yield* predictBatch(checkpoint, replica, samples.slice(from, from + BATCH_SIZE));
  }
  const failure = results[failed];
  if (failure?.status === "rejected") throw failure.reason;
}

function predictBatch(
  { config }: Checkpoint,
  replica: Replica,
  batch: readonly SampleInput[],
): Prediction[] {
  const outputs = predictSamples(replica, joinSamples(batch));
  const size = outputs.length / batch.length;
  return batch.map(({ file, row }, index) => ({
    file,
    ...(row === undefined ? {} : { row }),
    ...interpretOutputs([...outputs.subarray(index * size, (index + 1) * size)], config),
  }));
}

/** The targets are zeros; inference ignores them. */
function joinSamples(batch: readonly SampleInput[]): Samples {
  const [first] = batch as [SampleInput];
  const length = first.values.length;
  const isFloat = first.values instanceof Float32Array;
  const inputs = new (isFloat ? Float32Array : Uint8Array)(batch.length * length);
  batch.forEach(({ values }, index) => inputs.set(values, index * length));
  return { count: batch.length, inputs, targets: new Int32Array(batch.length) };
}
