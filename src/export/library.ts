// Exports as a program asks for them.
import { toLibraryError } from "../run/option-names.js";
import type { ExportFormat } from "./export-format.js";
import { exportCheckpoint } from "./export-model.js";

/** What {@link exportModel} takes. */
export interface ExportOptions {
  /** `"saved-model"` and `"tfjs"` are folders; `"keras"`, whose name ends in `.keras`, and `"onnx"` are files. */
  format: ExportFormat;
  /** Where it is written. Only an earlier export of the same format is replaced. */
  output: string;
}

/**
 * Writes a checkpoint's network in a format that other programs run: with its weights, its population statistics and the scaling
 * of pixels inside.
 * @throws TandemError where the checkpoint cannot be read, or the output not written
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
