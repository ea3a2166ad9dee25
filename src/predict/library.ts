// Predictions as a program asks for them.
import { toLibraryError } from "../run/option-names.js";
import type { EngineName } from "../shared/engine/engine.js";
import { predictFiles } from "./predict.js";
import type { Prediction } from "./prediction.js";

/** What {@link predict} takes. */
export interface PredictFilesOptions {
  /** Black becomes white in pictures. Default: false */
  invert?: boolean;
  /** A table's column that is no input. */
  label?: string;
  /** What computes; default: the checkpoint's own, and where that is not installed, `"wasm"` */
  engine?: EngineName;
}

/**
 * What a checkpoint's network makes of files, in their order: pictures and folders of pictures (with the package sharp), IDX
 * files, or rows of tables.
 * @throws TandemError at the first unreadable file, by name; the files before it have been predicted
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
