// A run's state as a file: what resuming and evaluating need, and nothing else (no time, host or path).
import { configText, type RunConfig, runConfigSchema } from "../config.js";
import { TandemError } from "../errors.js";
import { sizeOf } from "../network/network.js";
import { stateLayout } from "../replica/state-layout.js";
import type { NamedTensor } from "../replica/tensors.js";
import { layoutOfRun, type RunLayout } from "../run-layout.js";
import { type ByteSource, memorySource, withFile } from "./byte-source.js";
import {
  DIGEST_KEY,
  encodeSafetensors,
  readHeader,
  readTensors,
  SafetensorsError,
  type SafetensorsHeader,
  verifyTensors,
} from "./safetensors.js";
import { parseStepRanges, type StepRange, stepRangesText } from "./step-ranges.js";

export type { StepRange } from "./step-ranges.js";

const FORMAT = "tandem/3";
const SUSPECT_KEY = "suspect_steps";
const MIXED_KEY = "mixed_numerics_since";

export interface Checkpoint {
  config: RunConfig;
  /** How many steps the state has completed. The optimizer's corrections and the sampler's position follow from it. */
  step: number;
  /** In the order of `stateLayout`, with the optimizer's slots. */
  tensors: NamedTensor[];
  /** Steps whose results are suspect (`degraded` in run-event.ts); missing if there are none. */
  suspectSteps?: readonly StepRange[];
  /** The first step with machines of different numerics (`mixed-numerics` in run-event.ts); missing if there is none. */
  mixedSince?: number;
  /** Digest of the file that it was read from: files with the same digest have the same content. */
  digest?: string;
}

/** A checkpoint without the values of its tensors. */
export type CheckpointSummary = Omit<Checkpoint, "tensors"> & {
  tensors: { name: string; shape: readonly number[] }[];
};

/** @returns the file's bytes in pieces; the same state gives the same bytes */
export function encodeCheckpoint(checkpoint: Checkpoint): Buffer[] {
  const { config, step, tensors, suspectSteps = [], mixedSince } = checkpoint;
  const metadata = {
    format: FORMAT,
    step: String(step),
    config: configText(config),
    ...(suspectSteps.length === 0 ? {} : { [SUSPECT_KEY]: stepRangesText(suspectSteps) }),
    ...(mixedSince === undefined ? {} : { [MIXED_KEY]: String(mixedSince) }),
  };
  return encodeSafetensors(metadata, tensors);
}

/** @throws TandemError `checkpoint-…` with the file and the reason */
export function readCheckpoint(file: string): Checkpoint {
  return withFile(file, (source) => checkpointIn(file, source));
}

/** As `readCheckpoint`, from memory. */
export function decodeCheckpoint(file: string, bytes: Uint8Array): Checkpoint {
  return checkpointIn(file, memorySource(bytes));
}

/** Checks the whole file like `readCheckpoint`, but needs little memory. @throws as `readCheckpoint` */
export function inspectCheckpoint(file: string): CheckpointSummary {
  return withFile(file, (source) =>
    readWith(file, source, (header) => {
      verifyTensors(source, header);
      return header.entries.map(({ name, shape }) => ({ name, shape }));
    }),
  );
}

/**
 * The digest in a file's header; the tensors are not read.
 * @returns undefined if there is no file, or it is not a checkpoint
 */
export function digestIn(file: string): string | undefined {
  try {
    return withFile(file, (source) => readHeader(source, () => undefined).metadata[DIGEST_KEY]);
  } catch {
    return undefined;
  }
}

function checkpointIn(file: string, source: ByteSource): Checkpoint {
  return readWith(file, source, (header) => readTensors(source, header));
}

function readWith<Tensor extends { name: string; shape: readonly number[] }>(
  file: string,
  source: ByteSource,
  tensorsOf: (header: SafetensorsHeader) => Tensor[],
): Omit<Checkpoint, "tensors"> & { tensors: Tensor[] } {
  if (source.byteLength === 0) throw damaged(file, "it is empty");
  let metadata: Record<string, string>;
  let tensors: Tensor[];
  try {
    const header = readHeader(source, (found) => checkFormat(file, found["format"]));
    metadata = header.metadata;
    tensors = tensorsOf(header);
  } catch (error) {
    if (error instanceof SafetensorsError) throw damaged(file, error.message, error);
    throw error;
  }
  const config = parsedConfig(file, metadata["config"]);
  const step = stepIn(file, metadata["step"], "its step");
  checkLayout(file, config, tensors);
  const marks = { ...suspectSteps(file, metadata), ...mixedSinceIn(file, metadata) };
  return { config, step, tensors, ...marks, digest: metadata[DIGEST_KEY]! };
}

function stepIn(file: string, text: string | undefined, what: string): number {
  const step = Number(text);
  if (Number.isSafeInteger(step) && step >= 0 && String(step) === text) return step;
  throw damaged(file, `${what} is ${text}`);
}

function mixedSinceIn(file: string, metadata: Record<string, string>): { mixedSince?: number } {
  const text = metadata[MIXED_KEY];
  if (text === undefined) return {};
  return { mixedSince: stepIn(file, text, "its first step of mixed numerics") };
}

function suspectSteps(
  file: string,
  metadata: Record<string, string>,
): { suspectSteps?: StepRange[] } {
  const text = metadata[SUSPECT_KEY];
  if (text === undefined) return {};
  const ranges = parseStepRanges(text);
  if (!ranges) throw damaged(file, "its list of suspect steps is invalid");
  return { suspectSteps: ranges };
}

function checkFormat(file: string, format: string | undefined): void {
  if (format === FORMAT) return;
  throw new TandemError(
    "checkpoint-format",
    `${file} is a safetensors file of another format (${format ?? "none named"}); this version of Tandem reads "${FORMAT}". Give a checkpoint that Tandem wrote.`,
  );
}

function damaged(file: string, reason: string, cause?: unknown): TandemError {
  return new TandemError(
    "checkpoint-damaged",
    `The checkpoint ${file} is damaged: ${reason}. Take another copy of it, or an earlier checkpoint.`,
    { cause },
  );
}

function parsedConfig(file: string, text: string | undefined): RunConfig {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch (error) {
    throw damaged(file, "its configuration is not JSON", error);
  }
  const result = runConfigSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw damaged(file, `its configuration is invalid (${issue?.path.join(".")}: ${issue?.message})`);
}

function checkLayout(
  file: string,
  config: RunConfig,
  tensors: readonly { name: string; shape: readonly number[] }[],
): void {
  const expected = stateLayout(layoutOf(file, config), "with-slots");
  const describe = (tensor: { name: string; shape: readonly number[] } | undefined) =>
    tensor ? `${tensor.name} [${tensor.shape.join("×")}]` : "nothing";
  for (let index = 0; index < Math.max(expected.length, tensors.length); index++) {
    const [own, found] = [expected[index], tensors[index]];
    if (describe(own) === describe(found)) continue;
    throw damaged(file, `it has ${describe(found)} where its network has ${describe(own)}`);
  }
}

function layoutOf(file: string, config: RunConfig): RunLayout {
  try {
    return layoutOfRun(config);
  } catch (error) {
    if (error instanceof TandemError) throw damaged(file, error.message, error);
    throw error;
  }
}

/** Bytes of float32 tensors. */
export function tensorBytes(tensors: readonly { shape: readonly number[] }[]): number {
  return tensors.reduce((total, tensor) => total + 4 * sizeOf(tensor.shape), 0);
}
