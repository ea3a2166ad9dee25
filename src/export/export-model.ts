// A checkpoint's network in another format, as the command line and programs ask for it.
import { type Checkpoint, readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { TandemError } from "../shared/errors.js";
import { sizeOf } from "../shared/network/network.js";
import { type ExportFile, type ExportFormat } from "./export-format.js";
import { checkTarget, FOLDER_FORMATS, writeExport } from "./export-target.js";
import { inferenceModelOf } from "./inference-model.js";
import { encodeKeras } from "./keras/keras-file.js";
import { encodeTfjsFiles } from "./keras/tfjs-files.js";
import { encodeOnnx } from "./onnx/onnx-file.js";
import { encodeSavedModelFiles } from "./saved-model.js";

/** Protocol buffers end at 2 GiB; the nodes take some of it. */
const MAX_PROTOBUF_WEIGHT_BYTES = 2 ** 31 - 2 ** 24;
const PROTOBUF_FORMATS: readonly ExportFormat[] = ["saved-model", "onnx"];

/**
 * The files of an export; the same checkpoint gives the same bytes.
 * @returns one file where the format is one
 * @throws TandemError `too-large`
 */
export function encodeExport(checkpoint: Checkpoint, format: ExportFormat): ExportFile[] {
  const model = inferenceModelOf(checkpoint);
  const weightBytes = model.network.parameters.reduce(
    (sum, { shape }) => sum + 4 * sizeOf(shape),
    0,
  );
  if (PROTOBUF_FORMATS.includes(format) && weightBytes > MAX_PROTOBUF_WEIGHT_BYTES) {
    throw new TandemError(
      "too-large",
      `The weights have ${weightBytes} bytes, and a model as ${format} at most 2 GiB. Export it as tfjs or keras.`,
    );
  }
  switch (format) {
    case "saved-model":
      return encodeSavedModelFiles(model);
    case "tfjs":
      return encodeTfjsFiles(model);
    case "keras":
      return [{ path: "", pieces: encodeKeras(model) }];
    case "onnx":
      return [{ path: "", pieces: encodeOnnx(model) }];
    default:
      return format satisfies never;
  }
}

/** Writes a checkpoint's network to a file or folder. @throws TandemError, before anything is written where that can be */
export async function exportCheckpoint(
  file: string,
  format: ExportFormat,
  output: string,
): Promise<Checkpoint> {
  checkTarget(output, format, file);
  const checkpoint = readCheckpoint(file);
  await writeExport(output, format, encodeExport(checkpoint, format));
  return checkpoint;
}

export { FOLDER_FORMATS };
