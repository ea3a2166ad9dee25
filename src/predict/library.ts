// Predictions for programs that use Tandem as a library.
import { toLibraryError } from "../run/option-names.js";
import type { EngineName } from "../shared/engine/engine.js";
import { predictFiles } from "./predict.js";
import type { Prediction } from "./prediction.js";

/** Options of {@link predict}. */
export interface PredictFilesOptions {
  /** Inverts pictures, for dark ink on light paper. Default: false */
  invert?: boolean;
  /** A table column that is not an input. */
  label?: string;
  /** Default: the checkpoint's engine, or `"wasm"` if that is not installed */
  engine?: EngineName;
}

/**
 * Predicts files with a checkpoint's network, in the given order: pictures and folders of pictures (these need the package sharp),
 * IDX and NPY files, or the rows of tables.
 * @throws TandemError that names the first unreadable file, after the predictions of the files before it
 */
export async function* predict(
  checkpoint: string,
  files: readonly string[],
  options: PredictFilesOptions = {},
): AsyncGenerator<Prediction> {
  try {
    yield* predictFiles(checkpoint, files, options);
  } catch (error) {
    throw toLibraryError(error);
  }
}
