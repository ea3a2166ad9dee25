// Exports a checkpoint's network, for the command line and the library.
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

/** Protocol buffers are limited to 2 GiB, and the nodes need some of that. */
const MAX_PROTOBUF_WEIGHT_BYTES = 2 ** 31 - 2 ** 24;
const PROTOBUF_FORMATS: readonly ExportFormat[] = ["saved-model", "onnx"];

/**
 * The files of an export. The same checkpoint gives the same bytes.
 * @returns a single file with an empty path if the format is not a folder
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
      `The weights have ${weightBytes} bytes, but a model in the format ${format} has at most 2 GiB. Export it as tfjs or keras.`,
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

/** Writes a checkpoint's network to a file or folder. @throws TandemError, if possible before anything is written */
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
