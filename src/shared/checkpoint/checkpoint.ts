// A run's state as a file: what resuming and evaluating need, and nothing else (no time, no host, no path).
import { existsSync, readFileSync, statSync } from "node:fs";
import { configText, networkOfRun, type RunConfig, runConfigSchema } from "../config.js";
import { messageOf, TandemError } from "../errors.js";
import { sizeOf } from "../model/network.js";
import { stateLayout } from "../model/state-layout.js";
import type { NamedTensor } from "../model/values.js";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "./safetensors.js";

const FORMAT = "tandem/1";

export interface Checkpoint {
  config: RunConfig;
  /** Steps behind the state. Adam's powers and the sampler's place follow from it. */
  step: number;
  /** Those of `stateLayout`, with Adam's slots. */
  tensors: NamedTensor[];
  /** Steps whose results are suspect (`degraded` in events.ts); none in a run to which nothing of the kind happened. */
  suspectSteps?: readonly StepRange[];
}

/** Steps `from` to `to`, both included. */
export interface StepRange {
  from: number;
  to: number;
}

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer[] {
  const { config, step, tensors } = checkpoint;
  const metadata = { format: FORMAT, step: String(step), config: configText(config) };
  return encodeSafetensors(metadata, tensors);
}

/** @throws TandemError `checkpoint-…`, naming the file and the reason */
export function readCheckpoint(file: string): Checkpoint {
  if (!existsSync(file)) {
    throw new TandemError(
      "checkpoint-missing",
      `The checkpoint ${file} does not exist. Give the path of a .safetensors file that a run wrote with --output.`,
    );
  }
  if (statSync(file).isDirectory()) {
    throw new TandemError("checkpoint-missing", `${file} is a folder. Give a checkpoint's path.`);
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new TandemError(
      "checkpoint-missing",
      `The checkpoint ${file} cannot be read (${messageOf(error)}). Check its permissions.`,
      { cause: error },
    );
  }
  return decodeCheckpoint(file, bytes);
}

export function decodeCheckpoint(file: string, bytes: Buffer): Checkpoint {
  if (bytes.length === 0) throw damaged(file, "it is empty");
  let content;
  try {
    content = decodeSafetensors(bytes, (metadata) => checkFormat(file, metadata["format"]));
  } catch (error) {
    if (error instanceof SafetensorsError) throw damaged(file, error.message, error);
    throw error;
  }
  const { metadata, tensors } = content;
  const config = parsedConfig(file, metadata["config"]);
  const step = Number(metadata["step"]);
  if (!Number.isSafeInteger(step) || step < 0 || String(step) !== metadata["step"]) {
    throw damaged(file, `its step is ${metadata["step"]}`);
  }
  checkLayout(file, config, tensors);
  return { config, step, tensors };
}

function checkFormat(file: string, format: string | undefined): void {
  if (format === FORMAT) return;
  throw new TandemError(
    "checkpoint-format",
    `${file} is a safetensors file of another format (${format ?? "none named"}); this Tandem reads "${FORMAT}". Give a checkpoint that Tandem wrote.`,
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
  const model = (value as { model?: unknown } | null)?.model;
  if (model !== undefined && model !== "cnn") {
    throw new TandemError(
      "checkpoint-model",
      `${file} holds another model (${JSON.stringify(model)}); this Tandem knows "cnn".`,
    );
  }
  const result = runConfigSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw damaged(file, `its configuration is invalid (${issue?.path.join(".")}: ${issue?.message})`);
}

function checkLayout(file: string, config: RunConfig, tensors: readonly NamedTensor[]): void {
  const expected = stateLayout(networkOfRun(config), "with-slots");
  const describe = (tensor: { name: string; shape: number[] } | undefined) =>
    tensor ? `${tensor.name} [${tensor.shape.join("×")}]` : "nothing";
  for (let index = 0; index < Math.max(expected.length, tensors.length); index++) {
    const [wanted, found] = [expected[index], tensors[index]];
    if (describe(wanted) === describe(found)) continue;
    throw new TandemError(
      "checkpoint-model",
      `${file} holds another model: found ${describe(found)} where ${describe(wanted)} belongs. Give a checkpoint of the network "${config.model}".`,
    );
  }
}

/** Bytes of a checkpoint's tensors, for messages. */
export function tensorBytes(tensors: readonly NamedTensor[]): number {
  return tensors.reduce((total, tensor) => total + 4 * sizeOf(tensor.shape), 0);
}
