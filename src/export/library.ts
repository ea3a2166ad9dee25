// Exports for users of the library.
import { toLibraryError } from "../run/option-names.js";
import type { ExportFormat } from "./export-format.js";
import { exportCheckpoint } from "./export-model.js";

/** Options of {@link exportModel}. */
export interface ExportOptions {
  /** `"saved-model"` and `"tfjs"` are folders; `"keras"` and `"onnx"` are files. The name of a Keras file must end in `.keras`. */
  format: ExportFormat;
  /** Where it is written. Only an earlier export of the same format is replaced. */
  output: string;
}

/**
 * Writes a checkpoint's network in a format that other programs can run. It includes the weights, the population statistics and
 * the scaling of pixels.
 * @throws TandemError if the checkpoint cannot be read, or the output cannot be written
 */
export async function exportModel(
  checkpoint: string,
  { format, output }: ExportOptions,
): Promise<void> {
  try {
    await exportCheckpoint(checkpoint, format, output);
  } catch (error) {
    throw toLibraryError(error);
  }
}
